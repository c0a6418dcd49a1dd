//! Snapshots and their failures on a simulated disk.

use super::simulated::{SimulatedDisk, Trouble};
use super::*;
use crate::base::clock::Clock;
use crate::config::Settings;
use crate::keyspace::{Arriving, Key, Keyspace, Newcomer, StringValue};
use crate::rdb::load::Policy;
use crate::rdb::save::Facts;

const NOW: i64 = 1_800_000_000_000;
const OLD: &[u8] = b"the dump of before";

struct Scene {
    keyspace: Keyspace,
    settings: Settings,
    clock: Clock,
    disk: SimulatedDisk,
    persist: Persist,
}

fn scene(keys: usize) -> Scene {
    let mut keyspace = Keyspace::new(2, NOW, 1);
    for number in 0..keys {
        let name = format!("key {number}");
        let value = Arriving::String(StringValue::Bytes(b"a value that is neither short nor long"));
        let newcomer = Newcomer::new(Key::new(name.as_bytes()), value, None, 0);
        assert!(keyspace.db_mut(number % 2).admit(newcomer).is_ok());
    }
    let mut disk = SimulatedDisk::default();
    disk.put("dump.rdb", OLD.to_vec());
    Scene { keyspace, settings: Settings::default(), clock: Clock::manual(NOW), disk, persist: Persist::new(NOW) }
}

impl Scene {
    fn job(&self) -> Job<'_> {
        let facts = Facts {
            place: None,
            without_keys: false,
            redis_version: "8.0.6",
            now_s: NOW / 1000,
            used_memory: 0,
            is_aof_base: false,
            libraries: self.persist.libraries.iter().map(Vec::as_slice).collect(),
        };
        Job { keyspace: &self.keyspace, settings: &self.settings, facts, clock: &self.clock, pid: 7 }
    }

    fn save(&mut self) -> Result<(), SaveFailure> {
        let mut disk = self.disk.clone();
        save(&self.job(), &mut disk)
    }

    fn load(&mut self) -> Result<Option<usize>, LoadFailure> {
        let mut keyspace = Keyspace::new(2, NOW, 2);
        let path = dump_path(&self.settings);
        let policy = Policy { drop_due_by: Some(NOW), ..Policy::default() };
        let Scene { settings, persist, disk, clock, .. } = self;
        let Some(mut loading) = Loading::begin(&path, policy, settings, persist, disk, clock)? else { return Ok(None) };
        while loading.step(&mut keyspace, persist, settings, disk, clock)? == Step::GoesOn {
            assert!(persist.loading.is_some_and(|progress| progress.loaded_bytes <= progress.total_bytes));
        }
        assert!(persist.loading.is_none());
        Ok(Some(keyspace.len()))
    }
}

#[test]
fn a_snapshot_takes_the_place_of_the_old_one() {
    let mut scene = scene(5000);
    scene.save().expect("nothing is wrong with the disk");
    assert_eq!(scene.disk.paths(), [dump_path(&scene.settings)]);
    assert_eq!(scene.load(), Ok(Some(5000)));
    assert_eq!(scene.persist.last_load_keys_loaded, 5000);
}

#[test]
fn whatever_fails_the_old_dump_stays_and_nothing_else() {
    for trouble in [Trouble::Create, Trouble::Write(0), Trouble::Write(50_000), Trouble::Sync, Trouble::Rename] {
        let mut scene = scene(5000);
        scene.disk.trouble.set(Some(trouble));
        let SaveFailure(line) = scene.save().expect_err("the disk is in trouble");
        assert!(line.contains(": no storage space"), "{line}");
        assert_eq!(scene.disk.paths(), [dump_path(&scene.settings)], "{trouble:?}");
        assert_eq!(scene.disk.file("dump.rdb"), Some(OLD.to_vec()), "{trouble:?}");
    }
}

#[test]
fn a_child_tells_how_it_went() {
    for (trouble, end, is_good, dirty_less) in
        [(None, ChildEnd::Left(0), true, 30), (Some(Trouble::Rename), ChildEnd::Left(1), false, 0)]
    {
        let mut scene = scene(3000);
        scene.disk.trouble.set(trouble);
        let mut disk = scene.disk.clone();
        let job = scene.job();
        let pid = disk.fork(Purpose::Snapshot, &mut |files, pipe| save_in_child(&job, files, pipe)).expect("forks");
        scene.persist.begin(pid, Purpose::Snapshot, NOW, 3000, 30);
        assert!(!scene.persist.is_due(&scene.settings, 1_000_000, NOW + 10_000_000), "one child at a time");
        let (said, code) = disk.children[0].clone();
        assert_eq!(ChildEnd::Left(code), end);
        let child = scene.persist.child.as_mut().expect("at work");
        child.hear(&said, NOW + 1000);
        if is_good {
            assert_eq!((child.percent_done(), child.copied_bytes), (100.0, 4096));
        }
        let child = scene.persist.take_child().expect("at work");
        assert_eq!(scene.persist.snapshot_ended(&child, end, NOW + 2000, &mut disk), dirty_less);
        assert_eq!((scene.persist.last_is_good, scene.persist.last_duration_s), (is_good, Some(2)));
        assert_eq!(scene.persist.last_save == NOW + 2000, is_good);
    }
}

#[test]
fn a_child_that_was_not_wanted_is_no_failure() {
    let mut scene = scene(1);
    for (signal, is_good) in [(libc::SIGUSR1, true), (libc::SIGKILL, false)] {
        scene.disk.put("temp-9.rdb", b"half".to_vec());
        scene.persist.begin(9, Purpose::Snapshot, NOW, 1, 1);
        let child = scene.persist.take_child().expect("at work");
        scene.persist.snapshot_ended(&child, ChildEnd::Signal(signal), NOW, &mut scene.disk);
        assert_eq!(scene.persist.last_is_good, is_good);
        assert_eq!(scene.disk.file("temp-9.rdb"), None);
    }
}

#[test]
fn save_points_wait_after_a_failure() {
    let mut scene = scene(1);
    let (settings, persist) = (&scene.settings, &mut scene.persist);
    assert!(!persist.is_due(settings, 9999, NOW + 60_000), "the point is more than 60 seconds");
    assert!(persist.is_due(settings, 10_000, NOW + 61_000));
    assert!(!persist.is_due(settings, 9_999, NOW + 61_000));
    assert!(persist.is_due(settings, 1, NOW + 3_601_000));
    (persist.last_is_good, persist.last_try) = (false, NOW + 60_000);
    assert!(!persist.is_due(settings, 10_000, NOW + 61_000));
    assert!(persist.is_due(settings, 10_000, NOW + 66_000));
    (persist.last_is_good, persist.is_scheduled) = (true, true);
    assert!(persist.is_due(settings, 0, NOW));
}

#[test]
fn a_dump_that_is_missing_or_damaged() {
    let mut scene = scene(100);
    scene.disk.remove(&dump_path(&scene.settings)).expect("it was there");
    assert_eq!(scene.load(), Ok(None));
    scene.save().expect("nothing is wrong with the disk");
    let mut bytes = scene.disk.file("dump.rdb").expect("just saved");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    scene.disk.put("dump.rdb", bytes.clone());
    let LoadFailure(lines) = scene.load().expect_err("the checksum differs");
    assert!(lines.iter().any(|line| line.ends_with("RDB CRC error")), "{lines:?}");
    bytes.truncate(last);
    scene.disk.put("dump.rdb", bytes);
    let LoadFailure(lines) = scene.load().expect_err("cut");
    assert!(lines[0].starts_with("Short read"), "{lines:?}");
    assert!(scene.persist.loading.is_none());
}
