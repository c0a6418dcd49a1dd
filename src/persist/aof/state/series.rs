//! The files: opened, changed, put in place of one another, and removed.
//!
//! ```text
//! start         the mark, then all there is is made safe ─▶ loaded ─▶ the last increment grows on
//! rewrite       the next increment, named by the manifest, grows ─▶ base put in place ─▶ all before are history
//! first base,   an increment that no manifest names grows ─▶ base and increment put in place together
//! or healing
//! leaving       all is synced ─▶ the manifest ─▶ the mark goes, if no sync has failed
//! ```

use super::super::super::outside::{AppendFile, Files};
use super::super::manifest::{self, Manifest};
use super::super::mark;
use super::{AppendOnly, Current, Desk, HEAL_AGAIN_AFTER_MS, State};
use crate::base::clock::Ms;
use crate::config::Settings;
use crate::config::load::system_text;
use std::io;
use std::path::Path;

/// A file that is to grow from nothing: what a crash has left under its name is gone for good.
fn begin_file(path: &Path, files: &mut dyn Files) -> io::Result<Box<dyn AppendFile>> {
    let mut file = files.append(path)?;
    if files.length(path)? > 0 {
        file.cut(0)?;
        file.sync()?;
    }
    Ok(file)
}

impl AppendOnly {
    /// From now on `file` grows, which has `length` bytes.
    fn open(&mut self, file: Box<dyn AppendFile>, length: u64) {
        if let Some(mut old) = self.current.take()
            && (old.is_unsynced || old.syncing.is_some())
        {
            old.file.begin_sync();
            self.retiring = Some(old);
        }
        self.begun_at = self.taken;
        self.current = Some(Current { file, length, is_unsynced: false, syncing: None });
    }

    /// Before anything is loaded, or cut: nobody else may be writing the last increment. The error is a line for the log.
    pub fn claim(&mut self, desk: &mut Desk<'_>) -> Result<(), String> {
        let Some(last) = self.manifest.increments.last() else { return Ok(()) };
        let path = manifest::path_in_folder(desk.settings, &last.name);
        if desk.files.length(&path).is_err() {
            // It is missing, which is told by who loads.
            return Ok(());
        }
        let claimed = desk.files.append(&path).map_err(|error| {
            format!("Can't open the append-only file {}: {}", manifest::shown(&last.name), system_text(&error))
        })?;
        self.claimed = Some(claimed);
        Ok(())
    }

    /// Before anything is loaded: what the server before left in the system's hands is brought to the disk, so that nothing is
    /// loaded, built upon and told to clients that a crash could still take. If it did not end well, a sync of the file that grew
    /// may have failed: then syncing it once more says nothing, and it is written again. The error is a line for the log.
    pub fn make_safe(&mut self, desk: &mut Desk<'_>) -> Result<(), String> {
        if self.manifest.is_empty() {
            return Ok(());
        }
        let is_doubtful = mark::is_set(desk.settings, desk.files);
        // It is a sync here, too, that may fail. Whoever refuses to start for another reason leaves all as it was.
        mark::set(desk.settings, desk.files)?;
        self.sync_all(is_doubtful, desk)?;
        if !is_doubtful {
            mark::clear(desk.settings, desk.files);
        }
        Ok(())
    }

    fn sync_all(&mut self, is_doubtful: bool, desk: &mut Desk<'_>) -> Result<(), String> {
        let grown = self.grown(desk);
        for (index, file) in self.manifest.files().enumerate() {
            let path = manifest::path_in_folder(desk.settings, &file.name);
            // A file that is missing is told by who loads.
            let Ok(length) = desk.files.length(&path) else { continue };
            let is_last = Some(file) == self.manifest.increments.last();
            let may_be_doubtful = is_doubtful && index >= grown && Some(file) != self.manifest.base.as_ref();
            if may_be_doubtful && length > 0 {
                let name = manifest::shown(&file.name);
                log::info!(
                    "The server before did not end well: {name} ({length} bytes) is written to the disk once more"
                );
            }
            let synced = match &mut self.claimed {
                _ if may_be_doubtful && length > 0 => desk.files.write_again(&path),
                Some(claimed) if is_last => claimed.sync(),
                _ => desk.files.append(&path).and_then(|mut file| file.sync()),
            };
            synced.map_err(|error| cannot_sync(&file.name, &error))?;
        }
        let name = manifest::file_name(desk.settings);
        let path = manifest::path_in_folder(desk.settings, &name);
        desk.files.sync_folder_of(&path).map_err(|error| cannot_sync(&name, &error))
    }

    /// Which of the files grew last: nothing was written to it before the one before was on the disk.
    fn grown(&self, desk: &mut Desk<'_>) -> usize {
        let names: Vec<&[u8]> = self.manifest.files().map(|file| &file.name[..]).collect();
        let has_bytes = |name: &&[u8]| {
            let path = manifest::path_in_folder(desk.settings, name);
            desk.files.length(&path).is_ok_and(|length| length > 0)
        };
        names.iter().rposition(has_bytes).unwrap_or(0)
    }

    /// At start: goes on with the last increment, or begins the first. The base is there. Gives the replication offset behind what the
    /// files say, if they tell; the error is a line for the log.
    pub fn open_at_start(&mut self, desk: &mut Desk<'_>) -> Result<Option<i64>, String> {
        mark::set(desk.settings, desk.files)?;
        let last = self.manifest.increments.last().cloned();
        let name = match &last {
            Some(last) => last.name.clone(),
            None => self.manifest.add_increment(desk.settings, desk.offset),
        };
        self.manifest.note_end(None);
        let path = manifest::path_in_folder(desk.settings, &name);
        let cannot = |error: &std::io::Error| {
            format!("Can't open the append-only file {}: {}", manifest::shown(&name), system_text(error))
        };
        let claimed = self.claimed.take();
        let file = claimed.map_or_else(|| begin_file(&path, desk.files), Ok).map_err(|error| cannot(&error))?;
        self.manifest.persist(desk.settings, desk.files).map_err(|fault| fault.line)?;
        let length = desk.timed("aof-fstat", |files| files.length(&path)).map_err(|error| cannot(&error))?;
        self.state = State::On;
        self.open(file, length);
        let reached = last.as_ref().and_then(|last| last.offset_behind(length));
        self.taken.offset = reached.unwrap_or(desk.offset);
        (self.written, self.synced) = (self.taken, self.taken);
        let verb = if last.is_none() { "Creating" } else { "Opening" };
        log::info!("{verb} AOF incr file {} on server start", manifest::shown(&name));
        Ok(reached)
    }

    /// The name of the file that grows.
    pub(super) fn growing_name(state: State, manifest: &Manifest, settings: &Settings) -> String {
        match (state, manifest.increments.last()) {
            (State::On, Some(last)) => manifest::shown(&last.name),
            _ => manifest::shown(&Self::waiting_name(settings)),
        }
    }

    /// The name of the increment that is written before there is a base.
    fn waiting_name(settings: &Settings) -> Vec<u8> {
        [b"temp-", &settings.append_file_name[..], b".incr"].concat()
    }

    /// A rewrite is about to begin: what is recorded from here on goes to a new increment. All that was recorded is written. The error
    /// is a line for the log, and nothing has changed.
    pub fn change_file(&mut self, desk: &mut Desk<'_>) -> Result<(), String> {
        let heals = self.sync_fault.is_some();
        if let (false, false, Some(fault)) = (heals, self.buffer.is_empty(), &self.write_fault) {
            // What waits would stand behind a base that has it already.
            return Err(format!("Can't rewrite the append only file while it can't be written: {fault}"));
        }
        let mut changed = None;
        let name = match self.state {
            State::Off => return Ok(()),
            State::On if !heals => changed.insert(self.manifest.clone()).add_increment(desk.settings, desk.offset),
            _ => Self::waiting_name(desk.settings),
        };
        let path = manifest::path_in_folder(desk.settings, &name);
        let file = begin_file(&path, desk.files).map_err(|error| {
            format!("Can't open the append-only file {}: {}", manifest::shown(&name), system_text(&error))
        })?;
        if let Some(manifest) = &mut changed
            && let Err(fault) = manifest.persist(desk.settings, desk.files)
        {
            self.manifest.pass_over(manifest, fault.is_in_place);
            return Err(fault.line);
        }
        log::info!("Creating AOF incr file {} on background rewrite", manifest::shown(&name));
        match changed {
            Some(manifest) => self.manifest = manifest,
            None => self.leave_files(),
        }
        (self.waiting_offset, self.taken.offset) = (desk.offset, desk.offset);
        self.open(file, 0);
        Ok(())
    }

    /// Nothing is written any more to the files that the manifest names; what waits for them the base will have.
    fn leave_files(&mut self) {
        self.state = State::WaitRewrite;
        self.write_fault = None;
        self.close();
    }

    /// Puts a finished base in its place, and a waiting increment; what they make superfluous becomes history. The error is a
    /// line for the log, and the files of before are as good as they were.
    pub fn put_base(&mut self, finished: &Path, desk: &mut Desk<'_>) -> Result<(), String> {
        if self.state == State::WaitRewrite {
            mark::set(desk.settings, desk.files)?;
        }
        let mut manifest = self.manifest.clone();
        let name = manifest.replace_base(desk.settings, self.rewrites_to_dump);
        let path = manifest::path_in_folder(desk.settings, &name);
        let moved = desk.timed("aof-rename", |files| files.rename(finished, &path));
        moved.map_err(|error| {
            let (from, to) = (finished.display(), path.display());
            format!("Error trying to rename the temporary AOF base file {from} into {to}: {}", system_text(&error))
        })?;
        let (from, to) = (finished.display(), manifest::shown(&name));
        log::info!("Successfully renamed the temporary AOF base file {from} into {to}");
        let mut waiting = None;
        if self.state == State::WaitRewrite {
            let from = manifest::path_in_folder(desk.settings, &Self::waiting_name(desk.settings));
            let name = manifest.add_increment(desk.settings, self.waiting_offset);
            let to = manifest::path_in_folder(desk.settings, &name);
            // An increment that no manifest names is what a lost manifest leaves, too, and refuses the next start: unless a younger base
            // is beside it. So that one is there first, and goes last.
            let renamed = desk
                .files
                .sync_folder_of(&path)
                .and_then(|()| desk.timed("aof-rename", |files| files.rename(&from, &to)));
            if let Err(error) = renamed {
                desk.files.discard(&path);
                let (from, to, error) = (from.display(), to.display(), system_text(&error));
                return Err(format!("Error trying to rename the temporary AOF incr file {from} into {to}: {error}"));
            }
            let (from, name) = (manifest::shown(&Self::waiting_name(desk.settings)), manifest::shown(&name));
            log::info!("Successfully renamed the temporary AOF incr file {from} into {name}");
            waiting = Some(to);
        }
        manifest.retire_increments(self.current.is_some());
        if let Err(fault) = manifest.persist(desk.settings, desk.files) {
            if !fault.is_in_place {
                let gone = waiting.is_none_or(|waiting| {
                    desk.files.remove(&waiting).and_then(|()| desk.files.sync_folder_of(&waiting)).is_ok()
                });
                if gone {
                    desk.files.discard(&path);
                }
            }
            self.manifest.pass_over(&manifest, fault.is_in_place);
            return Err(fault.line);
        }
        self.manifest = manifest;
        if self.state != State::Off {
            let base = desk.timed("aof-fstat", |files| files.length(&path)).unwrap_or(0);
            self.size = base + self.current.as_ref().map_or(0, |current| current.length);
            self.base_size = self.size;
        }
        self.remove_history(desk.settings, desk.files);
        // What of it is on the disk is no matter any more.
        self.retiring = None;
        if self.state == State::WaitRewrite {
            self.state = State::On;
        }
        if self.sync_fault.take().is_some() {
            log::info!("AOF fsync error looks solved by a rewrite. The server can write again.");
        }
        if self.state == State::On {
            self.synced = self.synced.max(self.begun_at);
        }
        Ok(())
    }

    /// Removes what nobody needs, and writes that down.
    pub fn remove_history(&mut self, settings: &Settings, files: &mut dyn Files) {
        if settings.aof_disable_auto_gc || self.manifest.history.is_empty() {
            return;
        }
        // A manifest that needs them may be the one on the disk, also when this one is in its place.
        if let Err(fault) = self.manifest.settle(settings, files) {
            log::warn!("{}", fault.line);
            return;
        }
        for file in std::mem::take(&mut self.manifest.history) {
            log::info!("Removing the history file {} in the background", manifest::shown(&file.name));
            let path = manifest::path_in_folder(settings, &file.name);
            files.discard(&path);
            // One that no manifest names is taken for one whose manifest was lost.
            if files.length(&path).is_ok() {
                self.manifest.history.push(file);
            }
        }
        self.manifest.is_changed = true;
        // The next manifest will not name them either; until then a name without a file is no harm.
        if let Err(fault) = self.manifest.persist(settings, files) {
            log::warn!("{}", fault.line);
        }
    }

    /// What was written while the first base was awaited is of no use.
    pub fn drop_waiting(&mut self, settings: &Settings, files: &mut dyn Files) {
        self.close();
        let name = Self::waiting_name(settings);
        log::info!("Removing the temp incr aof file {} in the background", manifest::shown(&name));
        files.discard(&manifest::path_in_folder(settings, &name));
    }

    /// The file is whole and closed, for leaving and for switching off: where it ends is noted.
    pub fn note_end(&mut self, desk: &mut Desk<'_>) {
        if self.state != State::On {
            return;
        }
        self.manifest.note_end(Some(desk.offset));
        if let Err(fault) = self.manifest.persist(desk.settings, desk.files) {
            log::warn!("{}", fault.line);
        }
    }

    /// The server leaves, or leaves the files: nothing more is written to them. Whoever finds them can trust them, if all went well.
    pub fn end_well(&mut self, desk: &mut Desk<'_>) {
        if self.is_whole() {
            mark::clear(desk.settings, desk.files);
        }
    }

    /// Closes the file that grows; what is not written is forgotten.
    pub fn close(&mut self) {
        self.current = None;
        self.retiring = None;
        self.buffer = Vec::new();
        self.postponed_since = None;
        (self.written, self.annotated_s) = (self.taken, 0);
    }

    /// Faults of a file of before are no matter for the one that is begun.
    pub fn forget_faults(&mut self) {
        if self.write_fault.take().is_some() {
            log::warn!("AOF reopen, just ignore the last error.");
        }
        if self.sync_fault.take().is_some() {
            log::warn!("AOF reopen, just ignore the AOF fsync error in bio job");
        }
        self.fault_logged = None;
    }

    /// A child is at work on a base.
    pub fn rewrite_begun(&mut self, now: Ms, to_dump: bool) {
        (self.is_scheduled, self.rewrites_to_dump, self.rewrite_began) = (false, to_dump, Some(now));
    }

    /// After a rewrite that failed.
    pub fn note_failed_rewrite(&mut self, now: Ms) {
        self.last_rewrite_is_good = false;
        self.failures_in_a_row += 1;
        self.heal_not_before = now + HEAL_AGAIN_AFTER_MS;
    }

    /// How much the files have grown since the last rewrite, in percent, when that is reason enough for another.
    pub fn growth_to_rewrite(&self, settings: &Settings) -> Option<u64> {
        let wanted = u64::from(settings.aof_rewrite_percentage);
        if self.state != State::On || wanted == 0 || self.size <= settings.aof_rewrite_bytes_min {
            return None;
        }
        let growth = (self.size * 100 / self.base_size.max(1)).checked_sub(100)?;
        (growth >= wanted).then_some(growth)
    }

    /// True while rewrites that nobody asked for have to wait.
    pub fn is_limited(&mut self, now_s: i64) -> bool {
        self.limiter.is_limited(self.failures_in_a_row, now_s)
    }
}

fn cannot_sync(name: &[u8], error: &io::Error) -> String {
    format!("Can't sync the append-only file {}: {}", manifest::shown(name), system_text(error))
}
