//! LOLWUT: a picture, and the version.

use crate::exec::{Call, Command, Outcome};
use crate::server::{REDIS_VERSION, Server, World};
use crate::spec::flag::{FAST, READONLY};
use crate::spec::{Group, command};

pub const COMMANDS: &[Command] = &[command("LOLWUT", "[VERSION version:integer]", -1)
    .since("5.0.0")
    .group(Group::Server)
    .flags(READONLY | FAST)
    .says("Draws something, and tells the version.")
    .server(lolwut)];

const COLUMNS_MAX: i64 = 160;
const COLUMNS_DEFAULT: i64 = 66;
const TURNS_MAX: i64 = 40;
const TURNS_DEFAULT: i64 = 5;

/// `LOLWUT [VERSION n] [columns] [turns]`: whichever the version, a gyre, which is what a loop that never ends draws.
fn lolwut(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let mut first = 1;
    if call.argc() > 2 && call.is(1, "VERSION") {
        call.integer(2)?;
        first = 3;
    }
    // Words that are no numbers are left aside, as older and newer versions have options of their own.
    let number = |at: usize, default: i64, max: i64| match call.integer(at.min(call.argc() - 1)) {
        Ok(number) if at < call.argc() => number.clamp(1, max),
        _ => default,
    };
    let columns = number(first, COLUMNS_DEFAULT, COLUMNS_MAX);
    let turns = number(first + 1, TURNS_DEFAULT, TURNS_MAX);
    let phase = (call.random.next_u64() % 360) as f64;
    let mut text = draw_gyre(columns as usize, turns as f64, phase.to_radians());
    text.push_str(&format!("\nOne thread, one loop. Redis ver. {}\n", REDIS_VERSION));
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// A spiral of Archimedes in braille, two dots wide and four high a character.
fn draw_gyre(columns: usize, turns: f64, phase: f64) -> String {
    const STEPS_PER_TURN: f64 = 2000.0;
    let rows = (columns / 2).max(1);
    let mut cells = vec![0u8; columns * rows];
    let (width, height) = ((columns * 2) as f64, (rows * 4) as f64);
    let steps = (turns * STEPS_PER_TURN) as usize;
    for step in 0..steps {
        let part = step as f64 / steps as f64;
        let angle = phase + part * turns * std::f64::consts::TAU;
        let x = (width / 2.0 + angle.cos() * part * (width / 2.0 - 1.0)) as usize;
        let y = (height / 2.0 + angle.sin() * part * (height / 2.0 - 1.0)) as usize;
        // The dots of a braille cell are numbered down the left column, down the right one, then the last row.
        const DOTS: [[u8; 2]; 4] = [[0, 3], [1, 4], [2, 5], [6, 7]];
        if let Some(cell) = cells.get_mut(y / 4 * columns + x / 2) {
            *cell |= 1 << DOTS[y % 4][x % 2];
        }
    }
    let line = |row: &[u8]| -> String {
        row.iter().map(|dots| char::from_u32(0x2800 + u32::from(*dots)).unwrap_or(' ')).chain(['\n']).collect()
    };
    cells.chunks(columns).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gyre_fills_its_frame() {
        let text = draw_gyre(10, 3.0, 0.0);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert!(lines.iter().all(|line| line.chars().count() == 10));
        assert!(text.chars().any(|dots| dots != '\u{2800}' && dots != '\n'));
    }
}
