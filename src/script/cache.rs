//! The scripts that were seen, by their text and by their SHA-1, compiled.
//!
//! A script that came by EVAL may be forgotten again, the one that was not used for the longest time first: who makes up a
//! new script for every call must not fill memory. One that came by SCRIPT LOAD stays, because somebody will ask by its
//! name.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use super::engine::{Compiled, Engine};
use super::flags;
use crate::base::sha::{hex, sha1};

/// Scripts that came by EVAL, kept at most.
const EVALUATED_MAX: usize = 500;

/// A script's name: 40 hexadecimal digits.
pub type Sha = [u8; 40];

/// A compiled script.
pub struct Script {
    pub sha: Sha,
    body: Rc<[u8]>,
    /// `flags::flag` bits.
    pub flags: u32,
    pub function: Compiled,
    /// May be forgotten.
    is_evaluated: Cell<bool>,
    /// When it was used last, by the cache's count.
    used: Cell<u64>,
}

type Hasher = foldhash::fast::RandomState;

/// All scripts that are known.
#[derive(Default)]
pub struct Cache {
    by_body: HashMap<Rc<[u8]>, Rc<Script>, Hasher>,
    by_sha: HashMap<Sha, Rc<Script>, Hasher>,
    evaluated: usize,
    uses: u64,
    /// Bytes of texts and records.
    bytes: usize,
    /// Scripts forgotten to make room.
    pub evicted: u64,
}

/// The name of a text.
fn sha_of(body: &[u8]) -> Sha {
    hex(&sha1(body)).into_bytes().try_into().expect("20 bytes are 40 digits")
}

impl Cache {
    pub fn len(&self) -> usize {
        self.by_sha.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_sha.is_empty()
    }

    /// Bytes of texts and records, without what Lua holds.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn used(&mut self, script: &Rc<Script>) {
        self.uses += 1;
        script.used.set(self.uses);
    }

    /// The script of this name.
    pub fn by_sha(&mut self, sha: &[u8]) -> Option<Rc<Script>> {
        let sha: Sha = sha.to_ascii_lowercase().try_into().ok()?;
        let script = self.by_sha.get(&sha).cloned()?;
        self.used(&script);
        Some(script)
    }

    /// What a script declares of itself; its place in the order of use stays.
    pub fn flags_of(&self, sha: &[u8]) -> Option<u32> {
        let sha: Sha = sha.to_ascii_lowercase().try_into().ok()?;
        self.by_sha.get(&sha).map(|script| script.flags)
    }

    /// True when a script of this name, as it is written, is known.
    pub fn has(&self, sha: &[u8]) -> bool {
        Sha::try_from(sha).is_ok_and(|sha| self.by_sha.contains_key(&sha))
    }

    /// The text of a script.
    pub fn body(&self, sha: &[u8]) -> Option<&[u8]> {
        self.by_sha.get(&Sha::try_from(sha).ok()?).map(|script| &*script.body)
    }

    /// The script of this text, compiled now if it is new; errors are texts without a code. `stays`: it came by SCRIPT LOAD.
    #[inline]
    pub fn by_body(&mut self, engine: &Engine, body: &[u8], stays: bool) -> Result<Rc<Script>, Vec<u8>> {
        if let Some(script) = self.by_body.get(body).cloned() {
            self.used(&script);
            if stays && script.is_evaluated.replace(false) {
                self.evaluated -= 1;
            }
            return Ok(script);
        }
        self.add(engine, body, stays)
    }

    #[cold]
    fn add(&mut self, engine: &Engine, body: &[u8], stays: bool) -> Result<Rc<Script>, Vec<u8>> {
        let (flags, begin) = flags::of_script(body)?;
        let function = engine.compile("@user_script", &body[begin..]).map_err(|text| {
            let before: &[u8] = b"Error compiling script (new function): ";
            [before, &text].concat()
        })?;
        if !stays {
            self.make_room();
            self.evaluated += 1;
        }
        let body: Rc<[u8]> = body.into();
        let sha = sha_of(&body);
        let script = Rc::new(Script {
            sha,
            body: Rc::clone(&body),
            flags,
            function,
            is_evaluated: Cell::new(!stays),
            used: Cell::new(0),
        });
        self.used(&script);
        self.bytes += bytes_of(&script);
        self.by_sha.insert(sha, Rc::clone(&script));
        self.by_body.insert(body, Rc::clone(&script));
        Ok(script)
    }

    /// Forgets the one that was not used for the longest time, when there are too many.
    fn make_room(&mut self) {
        while self.evaluated >= EVALUATED_MAX {
            let evaluated = self.by_sha.values().filter(|script| script.is_evaluated.get());
            let Some(oldest) = evaluated.min_by_key(|script| script.used.get()).cloned() else { return };
            self.by_sha.remove(&oldest.sha);
            self.by_body.remove(&oldest.body);
            self.bytes -= bytes_of(&oldest);
            self.evaluated -= 1;
            self.evicted += 1;
        }
    }
}

fn bytes_of(script: &Script) -> usize {
    // The text, the record, and a place in each table.
    script.body.len() + size_of::<Script>() + size_of::<(Sha, usize)>() + size_of::<(usize, usize, usize)>()
}
