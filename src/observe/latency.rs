//! The latency monitor: when something took longer than a threshold, by kind of event, for the last 160 seconds that had any.
//!
//! A second holds its worst sample only. The names of events are Redis's, because tools know them.

use std::collections::{BTreeMap, VecDeque};

/// Seconds kept of each event.
const SAMPLES_MAX: usize = 160;

/// The worst of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub at_s: i64,
    pub ms: u64,
}

/// What was seen of one event.
#[derive(Clone, Debug, Default)]
pub struct Event {
    /// Oldest first.
    pub samples: VecDeque<Sample>,
    /// The worst ever.
    pub max_ms: u64,
}

/// Numbers that LATENCY DOCTOR talks about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    pub samples: u64,
    pub average_ms: u64,
    /// Mean absolute deviation.
    pub deviation_ms: u64,
    /// Seconds between two samples, on average.
    pub period_s: f64,
}

/// All events, by name.
#[derive(Clone, Debug, Default)]
pub struct Latency {
    events: BTreeMap<&'static str, Event>,
}

impl Latency {
    /// Notes that `event` took `ms`. The caller has found it above the threshold.
    pub fn add(&mut self, event: &'static str, ms: u64, now_s: i64) {
        let event = self.events.entry(event).or_default();
        event.max_ms = event.max_ms.max(ms);
        if let Some(last) = event.samples.back_mut().filter(|last| last.at_s == now_s) {
            last.ms = last.ms.max(ms);
            return;
        }
        if event.samples.len() == SAMPLES_MAX {
            event.samples.pop_front();
        }
        event.samples.push_back(Sample { at_s: now_s, ms });
    }

    /// One event, if it ever happened.
    pub fn event(&self, name: &[u8]) -> Option<&Event> {
        self.events.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, event)| event)
    }

    /// Every event with its name.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Event)> {
        self.events.iter().map(|(name, event)| (*name, event))
    }

    /// Forgets an event; says whether there was anything to forget.
    pub fn reset(&mut self, name: &[u8]) -> bool {
        let before = self.events.len();
        self.events.retain(|known, _| !known.as_bytes().eq_ignore_ascii_case(name));
        self.events.len() < before
    }

    /// Forgets everything; says how many events that were.
    pub fn reset_all(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}

impl Event {
    /// The numbers of this event, seen from `now_s`.
    pub fn summary(&self, now_s: i64) -> Summary {
        let samples = self.samples.len().max(1) as u64;
        let average_ms = self.samples.iter().map(|sample| sample.ms).sum::<u64>() / samples;
        let deviation_ms = self.samples.iter().map(|sample| sample.ms.abs_diff(average_ms)).sum::<u64>() / samples;
        let span_s = self.samples.front().map_or(0, |oldest| now_s - oldest.at_s).max(1);
        Summary { samples, average_ms, deviation_ms, period_s: span_s as f64 / samples as f64 }
    }

    /// The samples as bars of four rows with their age below, for LATENCY GRAPH.
    pub fn graph(&self, name: &str, now_s: i64) -> String {
        let high = self.samples.iter().map(|sample| sample.ms).max().unwrap_or(0);
        let low = self.samples.iter().map(|sample| sample.ms).min().unwrap_or(0);
        let mut text = format!("{name} - high {high} ms, low {low} ms (all time high {} ms)\n", self.max_ms);
        text += &"-".repeat(GRAPH_COLUMNS);
        text.push('\n');
        let samples: Vec<Sample> = self.samples.iter().copied().collect();
        for (index, part) in samples.chunks(GRAPH_COLUMNS).enumerate() {
            if index > 0 {
                text.push('\n');
            }
            draw(&mut text, part, low, high, now_s);
        }
        text
    }
}

const GRAPH_COLUMNS: usize = 80;
const GRAPH_ROWS: usize = 4;
/// The tops of bars, low to high within a row; what is below a top is filled with `|`.
const TOPS: [char; 3] = ['_', 'o', '#'];

fn draw(text: &mut String, samples: &[Sample], low: u64, high: u64, now_s: i64) {
    let steps = (TOPS.len() * GRAPH_ROWS) as u64;
    let range = (high - low).max(1);
    let step_of = |sample: &Sample| ((sample.ms - low) * steps / range).min(steps - 1) as usize;
    for row in (0..GRAPH_ROWS).rev() {
        text.extend(samples.iter().map(|sample| match step_of(sample).checked_sub(row * TOPS.len()) {
            None => ' ',
            Some(top) => TOPS.get(top).copied().unwrap_or('|'),
        }));
        text.push('\n');
    }
    let ages: Vec<String> = samples.iter().map(|sample| age(now_s - sample.at_s)).collect();
    text.push_str(&" ".repeat(samples.len()));
    text.push('\n');
    for line in 0..ages.iter().map(String::len).max().unwrap_or(0) {
        text.extend(ages.iter().map(|age| age.as_bytes().get(line).map_or(' ', |byte| char::from(*byte))));
        text.push('\n');
    }
}

fn age(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst_and_old_seconds_go() {
        let mut latency = Latency::default();
        latency.add("command", 10, 1);
        latency.add("command", 30, 1);
        latency.add("command", 20, 1);
        let event = latency.event(b"command").expect("it happened");
        assert_eq!(event.samples, [Sample { at_s: 1, ms: 30 }]);
        (2..1000).for_each(|second| latency.add("command", 5, second));
        let event = latency.event(b"command").expect("it happened");
        assert_eq!((event.samples.len(), event.samples[0].at_s, event.max_ms), (SAMPLES_MAX, 840, 30));
        assert!(latency.event(b"fork").is_none());
        assert!(latency.reset(b"COMMAND") && !latency.reset(b"command"));
        assert_eq!(latency.reset_all(), 0);
    }

    fn four() -> Latency {
        let mut latency = Latency::default();
        for (second, ms) in [(1, 100), (2, 200), (3, 50), (4, 400)] {
            latency.add("command", ms, second);
        }
        latency
    }

    #[test]
    fn graphs() {
        let graph = four().event(b"command").expect("it happened").graph("command", 5);
        let dashes = "-".repeat(80);
        let expected = format!(
            "command - high 400 ms, low 50 ms (all time high 400 ms)\n{dashes}\n   #\n   |\n # |\no|_|\n    \n4321\nssss\n"
        );
        assert_eq!(graph, expected);
    }

    #[test]
    fn summaries() {
        let summary = four().event(b"command").expect("it happened").summary(5);
        assert_eq!(summary, Summary { samples: 4, average_ms: 187, deviation_ms: 112, period_s: 1.0 });
    }
}
