//! Links to other servers: news of them goes to whoever uses them, between polls or, for a command that may not wait, while
//! everything stands still.

use std::io;
use std::time::Duration;

use super::outside::Outside;
use super::tick::EventLoop;
use crate::base::clock::Clock;
use crate::exec::{migrate, replication};
use crate::reactor::LinkEvent;
use crate::server::links::{LinkKey, LinkNews, Links};

/// Bits of a key that are the index; the rest is the generation.
const INDEX_BITS: u32 = 32;

/// The key of the link at `index`.
pub(super) fn key_of(index: usize, generation: u32) -> LinkKey {
    LinkKey(index as u64 | u64::from(generation) << INDEX_BITS)
}

fn place_of(LinkKey(key): LinkKey) -> (usize, u32) {
    ((key & ((1 << INDEX_BITS) - 1)) as usize, (key >> INDEX_BITS) as u32)
}

impl EventLoop {
    /// Hands on what became of links.
    pub(super) fn links(&mut self) {
        for link in std::mem::take(&mut self.news.links) {
            // What its master sends waits while a replica loads.
            if replication::follow::is_waiting(&self.server, link) {
                self.news.links.push(link);
                continue;
            }
            for news in self.outside.pump(link) {
                if replication::follow::owns(&self.server, link) {
                    replication::follow::on_news(&mut self.server, &mut self.outside, link, news);
                    continue;
                }
                // Whoever waits is answered in his session.
                let _ = migrate::on_news(&mut self.server, &mut self.outside, link, news);
            }
        }
    }
}

impl Outside {
    /// Moves bytes on a link; what is left to read comes again in the next turn.
    fn pump(&mut self, link: LinkKey) -> Vec<LinkNews> {
        let (index, generation) = place_of(link);
        let mut events = Vec::new();
        if self.links.pump(&self.poller, index, generation, &mut events) {
            self.missed.links.push(link);
        }
        let news = events.into_iter().map(|event| match event {
            LinkEvent::Connected => LinkNews::Connected,
            LinkEvent::Sent(left) => LinkNews::Sent { left },
            LinkEvent::Heard(bytes) => LinkNews::Heard(bytes),
            LinkEvent::Gone => LinkNews::Gone,
        });
        news.collect()
    }
}

impl Links for Outside {
    fn open(&mut self, host: &[u8], port: u16) -> io::Result<LinkKey> {
        self.open_from(&[], host, port)
    }

    fn open_from(&mut self, source: &[u8], host: &[u8], port: u16) -> io::Result<LinkKey> {
        let text = |bytes| std::str::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidInput);
        let opened = self.links.open(&self.poller, text(source)?, text(host)?, port);
        opened.map(|(index, generation)| key_of(index, generation))
    }

    /// What the socket takes goes in this turn: the link is looked at once more.
    fn send(&mut self, link: LinkKey, bytes: Vec<u8>) {
        let (index, generation) = place_of(link);
        self.links.push(index, generation, bytes);
        self.missed.links.push(link);
    }

    fn close(&mut self, link: LinkKey) {
        let (index, generation) = place_of(link);
        self.links.remove(&self.poller, index, generation);
    }

    fn wait(&mut self, link: LinkKey, ms: i64) -> Vec<LinkNews> {
        let (index, generation) = place_of(link);
        let clock = Clock::real();
        let until_ns = clock.monotonic_ns() + Duration::from_millis(ms.max(0) as u64).as_nanos() as u64;
        loop {
            let news = self.pump(link);
            if !news.is_empty() {
                return news;
            }
            let Some((descriptor, waits_for_room)) = self.links.descriptor(index, generation) else {
                return vec![LinkNews::Gone];
            };
            let left_ns = until_ns.saturating_sub(clock.monotonic_ns());
            if left_ns == 0 {
                return Vec::new();
            }
            let events = if waits_for_room { libc::POLLIN | libc::POLLOUT } else { libc::POLLIN };
            let mut waiting = libc::pollfd { fd: descriptor, events, revents: 0 };
            let left_ms = left_ns.div_ceil(1_000_000).min(i32::MAX as u64) as i32;
            // Safety: one struct, which the call reads and fills. A signal only makes us look again.
            unsafe { libc::poll(&raw mut waiting, 1, left_ms) };
        }
    }
}
