//! Children: forking one, hearing it, and noticing its end by the hang-up of its pipe.
//!
//! The child has a frozen copy of memory and one thread. Its first act is to close every descriptor but its end of the pipe
//! (a socket kept open by a child would outlive its client), it uses no logger, and it leaves with `_exit`, so that
//! nothing of the parent's is flushed or dropped twice.

use std::io;
use std::mem::ManuallyDrop;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::outside::Outside;
use super::process;
use super::tick::EventLoop;
use crate::exec::{replication, snapshot};
use crate::persist::{ChildEnd, Files, Pipe, Purpose, RealFiles};

/// The exit code of a child that panicked.
const PANICKED: i32 = 101;

/// Bytes taken from a child's pipe at once.
const READ_BYTES: usize = 4096;

/// Bytes of a dump for replicas that are taken in one turn.
const TRANSFER_BYTES_PER_TURN: usize = 256 * 1024;

/// How far a child was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    All,
    /// There may be more.
    More,
    /// It has hung up.
    End,
}

/// A child that is alive, as far as we know, and the reading end of its pipe.
#[derive(Debug)]
pub struct LiveChild {
    pid: libc::pid_t,
    pipe: RawFd,
}

/// The child's end of the pipe.
struct PipeEnd(RawFd);

impl Pipe for PipeEnd {
    fn send(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // Safety: the slice is readable for its length.
            let count = unsafe { libc::write(self.0, bytes.as_ptr().cast(), bytes.len()) };
            match count {
                0.. => bytes = &bytes[count as usize..],
                _ => match io::Error::last_os_error() {
                    error if error.kind() == io::ErrorKind::Interrupted => {}
                    error => return Err(error),
                },
            }
        }
        Ok(())
    }
}

impl Outside {
    /// See `persist::Outside::fork`.
    pub(super) fn fork_child(
        &mut self,
        purpose: Purpose,
        work: &mut dyn FnMut(&mut dyn Files, &mut dyn Pipe) -> i32,
    ) -> io::Result<u32> {
        let mut ends: [RawFd; 2] = [-1; 2];
        // Safety: the array has room for the two descriptors.
        if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } < 0 {
            return Err(io::Error::last_os_error());
        }
        let [reading, writing] = ends;
        // Safety: the child runs `be_child` and nothing else; it never returns into this loop.
        match unsafe { libc::fork() } {
            -1 => {
                let error = io::Error::last_os_error();
                close(reading);
                close(writing);
                Err(error)
            }
            0 => be_child(writing, self, purpose, work),
            pid => {
                close(writing);
                self.watch_child(LiveChild { pid, pipe: reading })?;
                Ok(pid as u32)
            }
        }
    }

    fn watch_child(&mut self, child: LiveChild) -> io::Result<()> {
        // Safety: plain flags on a descriptor of ours.
        unsafe { libc::fcntl(child.pipe, libc::F_SETFL, libc::O_NONBLOCK) };
        let index = self.children.iter().position(Option::is_none).unwrap_or(self.children.len());
        self.poller.register_pipe(child.pipe, index)?;
        if index == self.children.len() {
            self.children.push(None);
        }
        self.children[index] = Some(child);
        Ok(())
    }

    /// Sends the signal that ends a child without its end counting as a failure.
    pub(super) fn signal_child(&mut self, pid: u32) {
        // Safety: a system call; the child is ours and has not been waited for.
        unsafe { libc::kill(pid as libc::pid_t, libc::SIGUSR1) };
    }

    /// Waits until a child is gone, and forgets it.
    pub(super) fn forget_child(&mut self, pid: u32) {
        let found = self.children.iter().position(|child| child.as_ref().is_some_and(|c| c.pid as u32 == pid));
        if let Some(child) = found.and_then(|index| self.children[index].take()) {
            self.bury(child);
        }
    }

    /// Takes what the child has said, into `heard`, up to a bound.
    fn hear_child(&mut self, index: usize, bytes_max: usize, heard: &mut Vec<u8>) -> Heard {
        let Some(Some(child)) = self.children.get(index) else { return Heard::All };
        let mut bytes = [0; READ_BYTES];
        loop {
            if heard.len() >= bytes_max {
                return Heard::More;
            }
            // Safety: the buffer is writable for its length.
            let count = unsafe { libc::read(child.pipe, bytes.as_mut_ptr().cast(), bytes.len()) };
            match count {
                0 => return Heard::End,
                1.. => heard.extend_from_slice(&bytes[..count as usize]),
                _ => match io::Error::last_os_error().kind() {
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::WouldBlock => return Heard::All,
                    _ => return Heard::End,
                },
            }
        }
    }

    /// Takes the pipe out of the poll and waits for a child that is on its way out.
    fn bury(&mut self, child: LiveChild) -> ChildEnd {
        // Failing means that it was not in there.
        let _ = self.poller.deregister_pipe(child.pipe);
        close(child.pipe);
        let mut status = 0;
        // Safety: `status` is writable; the child is ours.
        while unsafe { libc::waitpid(child.pid, &raw mut status, 0) } < 0 {
            if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                return ChildEnd::Left(PANICKED);
            }
        }
        if libc::WIFSIGNALED(status) {
            ChildEnd::Signal(libc::WTERMSIG(status))
        } else {
            ChildEnd::Left(libc::WEXITSTATUS(status))
        }
    }
}

impl EventLoop {
    /// A pipe that had to wait for replicas is read on, now that they have taken what there was.
    pub(super) fn relieve_pipe(&mut self) {
        if let Some(index) = self.congested_pipe
            && !replication::dumps::is_congested(&self.server)
        {
            self.congested_pipe = None;
            self.outside.missed.pipes.push(index);
        }
    }

    /// What children said, and those that are gone.
    pub(super) fn children(&mut self) {
        for index in std::mem::take(&mut self.news.pipes) {
            // A dump for replicas comes no faster than the slowest of them takes it.
            let is_transfer = self.server.persist.has_child_for(Purpose::Transfer);
            if is_transfer && replication::dumps::is_congested(&self.server) {
                self.congested_pipe = Some(index);
                continue;
            }
            let mut heard = Vec::new();
            let most = if is_transfer { TRANSFER_BYTES_PER_TURN } else { usize::MAX };
            let outcome = self.outside.hear_child(index, most, &mut heard);
            if let Some(child) = &mut self.server.persist.child {
                child.hear(&heard, self.server.now);
                let dump = std::mem::take(&mut child.dump);
                replication::dumps::forward(&mut self.server, &dump);
            }
            if outcome == Heard::More {
                self.outside.missed.pipes.push(index);
            }
            let has_hung_up = outcome == Heard::End;
            if has_hung_up && let Some(child) = self.outside.children[index].take() {
                let end = self.outside.bury(child);
                snapshot::child_ended(&mut self.server, &mut self.outside, end);
            }
        }
    }
}

/// The life of the child.
fn be_child(
    pipe: RawFd,
    outside: &Outside,
    purpose: Purpose,
    work: &mut dyn FnMut(&mut dyn Files, &mut dyn Pipe) -> i32,
) -> ! {
    // Safety: only this thread exists here; signals get what a child should do: our own signal ends it, the terminal's
    // interrupt is the parent's matter.
    unsafe {
        libc::signal(libc::SIGUSR1, libc::SIG_DFL);
        libc::signal(libc::SIGTERM, libc::SIG_DFL);
        libc::signal(libc::SIGINT, libc::SIG_IGN);
    }
    close_all_but(pipe);
    set_up(outside, purpose);
    // The end is not dropped: leaving closes it, and that is the news of our end.
    let mut end = ManuallyDrop::new(PipeEnd(pipe));
    let code = catch_unwind(AssertUnwindSafe(|| work(&mut RealFiles, &mut *end))).unwrap_or(PANICKED);
    // Safety: leaves at once.
    unsafe { libc::_exit(code) }
}

/// The child's own name, processors and rank when memory runs out. None of it is a reason not to work, and there is no
/// logger to tell of a failure.
fn set_up(outside: &Outside, purpose: Purpose) {
    let setup = outside.child_setups.of(purpose);
    if let Some(title) = &setup.title {
        outside.title.write(title);
    }
    let _ = process::pin(&setup.processors);
    if let Some(score) = setup.oom_score {
        let _ = process::OomScore::set(score);
    }
}

/// Closes every descriptor above the standard ones but `kept`.
fn close_all_but(kept: RawFd) {
    const FIRST: RawFd = 3;
    let kept = kept as libc::c_uint;
    // Safety: descriptors of the child only; nobody uses them here.
    unsafe {
        let below = kept <= FIRST as libc::c_uint
            || libc::syscall(libc::SYS_close_range, FIRST as libc::c_uint, kept - 1, 0) == 0;
        let above = libc::syscall(libc::SYS_close_range, kept + 1, libc::c_uint::MAX, 0) == 0;
        if below && above {
            return;
        }
    }
    // Kernels before 5.9: one by one, up to the limit.
    let limit = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) } as RawFd;
    (FIRST..limit).filter(|&descriptor| descriptor != kept as RawFd).for_each(close);
}

fn close(descriptor: RawFd) {
    // Safety: the descriptor is ours, and nobody uses it after this.
    unsafe { libc::close(descriptor) };
}
