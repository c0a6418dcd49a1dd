//! A cell of the grid: the world halved in either direction as often as `step` says, and the cell's number, in which the
//! bits of longitude and latitude alternate.
//!
//! ```text
//!   step 1:   01 │ 11        step 26, the finest:  x25 y25 x24 y24 … x0 y0    (x: longitude, y: latitude)
//!             ───┼───        its number is what a sorted set has as the score
//!             00 │ 10
//! ```

/// Bounds of what can be encoded (EPSG:3857): the map has no poles.
pub const LONGITUDE_MAX: f64 = 180.0;
pub const LATITUDE_MAX: f64 = 85.05112878;

/// A point on the earth, in degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Position {
    pub longitude: f64,
    pub latitude: f64,
}

impl Position {
    /// Whether the point can be encoded.
    pub fn is_encodable(self) -> bool {
        (-LONGITUDE_MAX..=LONGITUDE_MAX).contains(&self.longitude)
            && (-LATITUDE_MAX..=LATITUDE_MAX).contains(&self.latitude)
    }

    /// The point that a score stands for. Any double is a score: what is no geohash gives some point on the map.
    #[inline]
    pub fn of_score(score: f64) -> Position {
        Cell { bits: bits_of_score(score), step: Cell::STEP_MAX }.position()
    }
}

/// The bits of a score, converted to an unsigned integer as x86 does it, for those too that are none.
#[inline]
pub(super) fn bits_of_score(score: f64) -> u64 {
    const HALF: f64 = (1u64 << 63) as f64;
    if score < HALF {
        score as i64 as u64
    } else if score < 2.0 * HALF {
        score as u64
    } else {
        0
    }
}

/// The ends of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Extent {
    pub west: f64,
    pub east: f64,
    pub south: f64,
    pub north: f64,
}

/// A cell of the grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    pub(super) bits: u64,
    /// Halvings in each direction, 1 to `STEP_MAX`.
    pub(super) step: u32,
}

/// Longitude's bits among those of a cell, and latitude's.
const LONGITUDE_BITS: u64 = 0xaaaa_aaaa_aaaa_aaaa;
const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;

impl Cell {
    /// 26 halvings in each direction make 52 bits: as many as a double holds exactly.
    pub const STEP_MAX: u32 = 26;

    /// The cell of a point that can be encoded.
    pub fn of(position: Position, step: u32) -> Cell {
        Cell::of_world(position, step, LATITUDE_MAX)
    }

    /// The cell of a point in a world that reaches to this latitude.
    fn of_world(position: Position, step: u32, latitude_max: f64) -> Cell {
        let halves = (1u64 << step) as f64;
        let x = (position.longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX) * halves;
        let y = (position.latitude + latitude_max) / (latitude_max + latitude_max) * halves;
        Cell { bits: interleave(y as u32, x as u32), step }
    }

    /// The cell's number as the score of a point.
    pub fn score(self) -> u64 {
        self.bits << (2 * (Cell::STEP_MAX - self.step))
    }

    /// The scores of the points in the cell: from the first on, up to but not including the second.
    pub fn scores(self) -> (f64, f64) {
        let next = Cell { bits: self.bits + 1, step: self.step };
        (self.score() as f64, next.score() as f64)
    }

    /// The middle of the cell.
    #[inline]
    pub fn position(self) -> Position {
        let extent = self.extent();
        Position {
            longitude: ((extent.west + extent.east) / 2.0).clamp(-LONGITUDE_MAX, LONGITUDE_MAX),
            latitude: ((extent.south + extent.north) / 2.0).clamp(-LATITUDE_MAX, LATITUDE_MAX),
        }
    }

    #[inline]
    pub(super) fn extent(self) -> Extent {
        let (y, x) = deinterleave(self.bits);
        let halves = (1u64 << self.step) as f64;
        let longitude = |x: u32| -LONGITUDE_MAX + f64::from(x) / halves * (2.0 * LONGITUDE_MAX);
        let latitude = |y: u32| -LATITUDE_MAX + f64::from(y) / halves * (2.0 * LATITUDE_MAX);
        Extent {
            west: longitude(x),
            east: longitude(x.wrapping_add(1)),
            south: latitude(y),
            north: latitude(y.wrapping_add(1)),
        }
    }

    /// The cell so many places to the east and to the north (-1, 0 or 1 of each); the world goes round.
    pub(super) fn neighbour(self, east: i32, north: i32) -> Cell {
        let bits = self.moved(LONGITUDE_BITS, east) | self.moved(LATITUDE_BITS, north);
        Cell { bits, ..self }
    }

    /// The bits of one direction after a move: the other direction's bits are filled so that a carry runs over them.
    fn moved(self, mask: u64, by: i32) -> u64 {
        let unused = 64 - 2 * self.step;
        let (own, others) = (self.bits & mask, !mask >> unused);
        let moved = match by {
            0 => return own,
            1.. => own.wrapping_add(others + 1),
            _ => (own | others).wrapping_sub(others + 1),
        };
        moved & mask >> unused
    }
}

/// Bits of `y` at even places, those of `x` at odd ones.
#[inline]
fn interleave(y: u32, x: u32) -> u64 {
    spread(y) | spread(x) << 1
}

/// The bits at even places, and those at odd ones.
#[inline]
pub(super) fn deinterleave(bits: u64) -> (u32, u32) {
    (gather(bits), gather(bits >> 1))
}

/// Puts each bit at twice its place.
#[inline]
fn spread(value: u32) -> u64 {
    let mut bits = u64::from(value);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & LATITUDE_BITS
}

/// Takes the bits at even places together.
#[inline]
fn gather(bits: u64) -> u32 {
    let mut bits = bits & LATITUDE_BITS;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

/// Letters of a geohash as text.
pub const GEOHASH_TEXT_BYTES: usize = 11;

/// A point as other systems write it: in the usual geohash the world reaches to the poles, so that the point is encoded
/// anew. Eleven letters of five bits are 55; the last letter has none of the 52.
pub fn geohash_text(position: Position) -> [u8; GEOHASH_TEXT_BYTES] {
    const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
    const POLE: f64 = 90.0;
    let bits = Cell::of_world(position, Cell::STEP_MAX, POLE).bits;
    std::array::from_fn(|at| match at {
        10 => LETTERS[0],
        _ => LETTERS[(bits >> (52 - 5 * (at + 1)) & 31) as usize],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;

    #[test]
    fn scores_are_those_of_redis() {
        let palermo = Position { longitude: 13.361389, latitude: 38.115556 };
        let cell = Cell::of(palermo, Cell::STEP_MAX);
        assert_eq!(cell.score(), 3_479_099_956_230_698);
        let stored = Position::of_score(3_479_099_956_230_698.0);
        assert_eq!(format!("{:.17}", stored.longitude), "13.36138933897018433");
        assert_eq!(format!("{:.17}", stored.latitude), "38.11555639549629859");
        assert_eq!(&geohash_text(stored), b"sqc8b49rny0");
    }

    #[test]
    fn a_point_lies_in_its_cell_at_every_step() {
        let mut random = Random::new(1);
        for _ in 0..2_000 {
            let fraction = |random: &mut Random| random.below(1 << 30) as f64 / (1 << 30) as f64;
            let longitude = (fraction(&mut random) * 2.0 - 1.0) * LONGITUDE_MAX;
            let latitude = (fraction(&mut random) * 2.0 - 1.0) * LATITUDE_MAX;
            for step in 1..=Cell::STEP_MAX {
                let cell = Cell::of(Position { longitude, latitude }, step);
                let extent = cell.extent();
                assert!(extent.west <= longitude + 1e-9 && longitude <= extent.east + 1e-9);
                assert!(extent.south <= latitude + 1e-9 && latitude <= extent.north + 1e-9);
                let (from, to) = cell.scores();
                let score = Cell::of(Position { longitude, latitude }, Cell::STEP_MAX).score() as f64;
                assert!(from <= score && score < to);
            }
        }
    }

    #[test]
    fn neighbours_touch_and_the_world_goes_round() {
        let cell = Cell::of(Position { longitude: 1.0, latitude: 1.0 }, 10);
        let (here, north_east) = (cell.extent(), cell.neighbour(1, 1).extent());
        assert_eq!((here.east, here.north), (north_east.west, north_east.south));
        assert_eq!(cell.neighbour(1, 1).neighbour(-1, -1), cell);
        assert_eq!(cell.neighbour(0, 0), cell);
        let last = Cell::of(Position { longitude: 179.99, latitude: 0.0 }, 8);
        assert_eq!(last.neighbour(1, 0).extent().west, -LONGITUDE_MAX);
        assert_eq!(last.neighbour(1, 0).neighbour(-1, 0), last);
    }

    #[test]
    fn any_score_gives_a_point_on_the_map() {
        let odd = [0.0, -0.0, -1.0, 0.5, 1e15, 1e16, 9.3e18, 1.8e19, 1e300, f64::INFINITY, f64::NEG_INFINITY];
        for score in odd {
            assert!(Position::of_score(score).is_encodable(), "{score}");
        }
        assert_eq!(bits_of_score(-1.0), u64::MAX);
        assert_eq!(bits_of_score(f64::NEG_INFINITY), 1 << 63);
        assert_eq!(bits_of_score(f64::INFINITY), 0);
    }

    #[test]
    fn bits_come_apart_as_they_went_together() {
        for (y, x) in [(0, 0), (1, 0), (0, 1), (0x03ff_ffff, 0x0155_5555), (u32::MAX, 0x1234_5678)] {
            assert_eq!(deinterleave(interleave(y, x)), (y, x));
        }
        assert_eq!(interleave(1, 0), 1);
    }
}
