//! A server without sockets: sessions are fed bytes, turns are taken by hand, time stands still unless it is moved.

use std::io;
use std::path::Path;
use std::rc::Rc;

use gyre::base::clock::Clock;
use gyre::base::random::Random;
use gyre::config::Settings;
use gyre::exec::CommandTable;
use gyre::exec::batch::Batch;
use gyre::exec::dispatch::Dispatcher;
use gyre::exec::{append_only, readers, snapshot};
use gyre::keyspace::SessionKey;
use gyre::persist::{ChildEnd, LoadFailure, Step};
use gyre::server::links::Links;
use gyre::server::session::{HELD, flag};
use gyre::server::sessions::index_of;
use gyre::server::{Identity, Server, World};

/// Noon of an arbitrary day, in milliseconds since the epoch.
pub const NOON: i64 = 1_700_000_000_000;

/// A world in which nothing is there and nothing can be done.
#[derive(Default)]
pub struct EmptyWorld {
    pub disk: gyre::persist::simulated::SimulatedDisk,
    pub links: Option<Box<dyn Links>>,
}

impl World for EmptyWorld {
    fn persistence(&mut self) -> &mut dyn gyre::persist::Outside {
        &mut self.disk
    }

    fn read_file(&mut self, _: &Path) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn replace_file(&mut self, _: &Path, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::PermissionDenied.into())
    }
    fn remove_file(&mut self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::NotFound.into())
    }
    fn sleep(&mut self, _: u64) {}

    fn change_dir(&mut self, path: &[u8]) -> io::Result<Vec<u8>> {
        Ok(path.to_vec())
    }

    /// Port 1 is taken.
    fn listen(&mut self, settings: &Settings) -> Result<(), String> {
        if settings.port == 1 { Err("Address already in use".to_owned()) } else { Ok(()) }
    }

    fn admit_clients(&mut self, clients: u32) -> u32 {
        clients
    }

    fn links(&mut self) -> Option<&mut dyn Links> {
        self.links.as_deref_mut().map(|links| links as _)
    }

    fn set_log_level(&mut self, _: gyre::config::choices::LogLevel) {}

    fn process(&mut self) -> gyre::server::ProcessFacts {
        gyre::server::ProcessFacts::default()
    }
}

/// The engine with everything it needs.
pub struct Engine {
    pub server: Server,
    dispatcher: Dispatcher,
    batch: Batch,
    pub world: EmptyWorld,
    next_index: usize,
}

impl Engine {
    pub fn new() -> Engine {
        Engine::with(Settings::default())
    }

    /// An engine with these settings, and nothing on its disk.
    pub fn with(settings: Settings) -> Engine {
        let settings = Rc::new(settings);
        let commands = Rc::new(CommandTable::new(gyre::commands::ALL, &[]).expect("the table is sound"));
        let identity = Identity::default();
        let server = Server::new(Rc::clone(&settings), commands.catalog(), Clock::manual(NOON), 7, identity);
        let dispatcher = Dispatcher::new(commands, settings, Random::new(11));
        Engine { server, dispatcher, batch: Batch::default(), world: EmptyWorld::default(), next_index: 0 }
    }

    /// A new session.
    pub fn connect(&mut self) -> SessionKey {
        let session = self.server.sessions.open(self.next_index, NOON);
        self.next_index += 1;
        session.set(flag::AUTHENTICATED);
        session.key
    }

    /// What the loop does with bytes that a socket gave: straight into the arena, or behind what is pending.
    pub fn feed(&mut self, key: SessionKey, bytes: &[u8]) {
        let session = self.server.sessions.get_mut(key).expect("a live session");
        if session.pending.is_empty() && !session.has(HELD) {
            self.batch.room()[..bytes.len()].copy_from_slice(bytes);
            self.batch.take_read(&self.dispatcher.context(), &mut self.server, key, bytes.len());
        } else {
            session.pending.extend_from_slice(bytes);
            if !session.has(HELD) {
                self.batch.take_pending(&self.dispatcher.context(), &mut self.server, key);
            }
        }
    }

    /// Executes what was fed, and goes on with what bounds and waits left, until nothing is left to do.
    pub fn settle(&mut self) {
        self.execute();
        while let Some(key) = self.server.sessions.to_run.pop() {
            let Some(session) = self.server.sessions.get_mut(key) else { continue };
            session.clear(flag::RUN_QUEUED);
            if !session.has(HELD) {
                self.batch.take_pending(&self.dispatcher.context(), &mut self.server, key);
                self.execute();
            }
        }
    }

    fn execute(&mut self) {
        self.dispatcher.settings = Rc::clone(&self.server.settings);
        self.batch.execute(&mut self.dispatcher.context(), &mut self.server, &mut self.world);
    }

    /// What the loop does before it sends the replies of a turn; an error when none may leave.
    pub fn end_turn(&mut self) -> Result<(), readers::MustLeave> {
        gyre::exec::tracking::broadcast(&mut self.server);
        gyre::exec::replication::stream_applied(&mut self.server, &mut self.world);
        gyre::exec::replication::acks::ask(&mut self.server);
        readers::drain(&mut self.server, &mut self.world)?;
        gyre::exec::replication::acks::serve(&mut self.server);
        Ok(())
    }

    /// Virtual time goes on, wall and all.
    pub fn pass(&mut self, ms: u64) {
        self.server.clock.advance_ms(ms);
        self.server.now = self.server.clock.wall_ms();
    }

    /// What the loop does at its start: loads what is on the disk, all of it, and goes on with the files.
    pub fn start(&mut self) -> Result<(), LoadFailure> {
        if let Some(mut load) = snapshot::begin_loading_at_start(&mut self.server, &mut self.world)? {
            let mut context = self.dispatcher.context();
            while load.step(&mut context, &mut self.server, &mut self.world)? == Step::GoesOn {}
        }
        append_only::begin_at_start(&mut self.server, &mut self.world).map_err(|line| LoadFailure(vec![line]))?;
        gyre::exec::replication::restart::resume(&mut self.server, &mut self.world);
        Ok(())
    }

    /// The child that was forked has run; now the loop hears of it.
    pub fn end_child(&mut self) {
        let (said, code) = self.world.disk.children.pop().expect("a child was forked");
        self.server.persist.child.as_mut().expect("it is known").hear(&said, self.server.now);
        snapshot::child_ended(&mut self.server, &mut self.world, ChildEnd::Left(code));
    }

    /// Bytes for the client since the last call.
    pub fn replies(&mut self, key: SessionKey) -> Vec<u8> {
        self.server.sessions.to_write.clear();
        self.server.sessions.to_tell.clear();
        let session = self.server.sessions.get_mut(key).expect("a live session");
        session.clear(flag::WRITE_QUEUED);
        let bytes = session.out.to_vec();
        session.out.clear();
        bytes
    }

    /// Feeds one inline command and gives back its reply as text.
    pub fn ask(&mut self, key: SessionKey, line: &str) -> String {
        self.feed(key, format!("{line}\r\n").as_bytes());
        self.settle();
        String::from_utf8_lossy(&self.replies(key)).into_owned()
    }

    pub fn is_open(&self, key: SessionKey) -> bool {
        let session = self.server.sessions.get(key).expect("sessions are not removed here");
        debug_assert_eq!(index_of(session.key), index_of(key));
        !session.has(flag::CLOSE_AFTER_REPLY | flag::CLOSE_NOW)
    }
}
