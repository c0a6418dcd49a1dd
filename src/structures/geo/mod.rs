//! Points on the earth as numbers that sort: a geohash of 52 bits, and areas that are searched by it.
//!
//! ```text
//!   longitude, latitude ──▶ 26 bits each, interleaved ──▶ one number, exact in a double: the score of a sorted set
//!   area ──▶ a cell and those around it (`Area::cover`) ──▶ up to nine ranges of scores ──▶ `Area::distance_inside`
//! ```
//!
//! `cell`: encoding, decoding, neighbours, the text form · `area`: circle, box, polygon · `window`: what can be told of a
//! point from its bits alone.
//!
//! The formulas, down to the order of their operations, are those of Redis (and before it of the ardb project): what is
//! printed, and which point at a border is in or out, are part of the interface. Angles are in degrees where nothing else
//! is said, distances in metres. Knows numbers only, neither sorted sets nor commands.

mod area;
mod cell;
mod window;

pub use area::{Area, Shape};
pub use cell::{Cell, GEOHASH_TEXT_BYTES, LATITUDE_MAX, LONGITUDE_MAX, Position, geohash_text};

/// The radius of the earth that distances are computed with.
const EARTH_RADIUS_METRES: f64 = 6_372_797.560856;

/// The distance of two points on a sphere, by the haversine formula.
pub fn distance(from: Position, to: Position) -> f64 {
    let half_chord = ((to.longitude.radians() - from.longitude.radians()) / 2.0).sin();
    if half_chord == 0.0 {
        return latitude_distance(from.latitude, to.latitude);
    }
    let (from_latitude, to_latitude) = (from.latitude.radians(), to.latitude.radians());
    arc(((to_latitude - from_latitude) / 2.0).sin(), from_latitude.cos() * to_latitude.cos(), half_chord)
}

/// The distance of two points on one meridian.
#[inline]
fn latitude_distance(from: f64, to: f64) -> f64 {
    EARTH_RADIUS_METRES * (to.radians() - from.radians()).abs()
}

/// The last step of the haversine formula: `u` and `v` are the sines of half the differences of latitude and longitude.
#[inline]
fn arc(u: f64, cosines: f64, v: f64) -> f64 {
    let square = u * u + cosines * v * v;
    // Rounding may lift the square of opposite points above 1, whose arc sine would be no number.
    2.0 * EARTH_RADIUS_METRES * square.sqrt().min(1.0).asin()
}

/// Degrees as radians and back, by the very factor that Redis multiplies and divides by.
trait Angle {
    fn radians(self) -> f64;
    fn degrees(self) -> f64;
}

const RADIANS_PER_DEGREE: f64 = std::f64::consts::PI / 180.0;

impl Angle for f64 {
    #[inline]
    fn radians(self) -> f64 {
        self * RADIANS_PER_DEGREE
    }

    #[inline]
    fn degrees(self) -> f64 {
        self / RADIANS_PER_DEGREE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(longitude: f64, latitude: f64) -> Position {
        Position { longitude, latitude }
    }

    #[test]
    fn distances_are_those_of_redis() {
        let (palermo, catania) = (at(13.361389, 38.115556), at(15.087269, 37.502669));
        let stored = |position: Position| Cell::of(position, Cell::STEP_MAX).position();
        let between = distance(stored(palermo), stored(catania));
        assert_eq!(format!("{between:.4}"), "166274.1516");
        assert_eq!(distance(palermo, palermo), 0.0);
        assert!((distance(at(5.0, 10.0), at(5.0, 11.0)) - 111_226.3).abs() < 0.1);
    }

    #[test]
    fn opposite_points_are_half_the_earth_apart() {
        let half = std::f64::consts::PI * EARTH_RADIUS_METRES;
        for latitude in [0.0, 12.3, 45.0, 60.1, 85.0] {
            assert!((distance(at(-90.0, latitude), at(90.0, -latitude)) - half).abs() < 1.0);
        }
    }
}
