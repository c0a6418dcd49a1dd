//! A window on the finest grid that holds an area: most points of a cover are outside, and their bits alone tell that.
//!
//! Invariant: no point that is inside the area by the exact formula is outside the window. The window is wider than the
//! area by `MARGIN`, more than all rounding of the formulas comes to.

use super::Angle;
use super::EARTH_RADIUS_METRES;
use super::area::{Shape, bounds_of};
use super::cell::{Cell, LATITUDE_MAX, LONGITUDE_MAX, Position};
use std::f64::consts::{FRAC_PI_2, PI};

/// Rows and columns of the finest grid.
const LINES: i64 = 1 << Cell::STEP_MAX;
/// Lines of the grid that the window is wider than the area on each side; each is a third of a metre, or more.
const MARGIN: i64 = 3;
/// Bits of a score that is a geohash.
const GEOHASH_BITS: u32 = 2 * Cell::STEP_MAX;

/// Rows and columns of the grid; columns go round the world.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    south: u32,
    /// The last row, seen from the first.
    rows: u32,
    west: u32,
    /// The last column, seen from the first.
    columns: u32,
}

impl Window {
    /// The window of a shape around `center`, whose lengths are in units of so many metres.
    pub fn of(center: Position, shape: &Shape, unit: f64) -> Window {
        let angle_of = |length: f64| length * unit / EARTH_RADIUS_METRES;
        let latitude = center.latitude.radians().abs();
        let (height, width) = match shape {
            Shape::Circle { radius } => {
                let angle = angle_of(*radius);
                (angle, half_width(angle.sin() / latitude.cos(), latitude + angle))
            }
            Shape::Box { width, height } => {
                let angle = angle_of(height / 2.0);
                let quarter = angle_of(width / 4.0);
                let sine = if quarter < FRAC_PI_2 { quarter.sin() } else { 1.0 };
                (angle, 2.0 * half_width(sine / (latitude + angle).cos(), latitude + angle))
            }
            Shape::Polygon(corners) => {
                let bounds = bounds_of(corners);
                return Window::between(bounds.west, bounds.south, bounds.east, bounds.north);
            }
        };
        let (height, width) = (height.degrees(), width.min(PI).degrees());
        Window::between(
            center.longitude - width,
            center.latitude - height,
            center.longitude + width,
            center.latitude + height,
        )
    }

    fn between(west: f64, south: f64, east: f64, north: f64) -> Window {
        let row = |latitude: f64| ((latitude + LATITUDE_MAX) / (2.0 * LATITUDE_MAX) * LINES as f64).floor() as i64;
        let column =
            |longitude: f64| ((longitude + LONGITUDE_MAX) / (2.0 * LONGITUDE_MAX) * LINES as f64).floor() as i64;
        let first = (row(south).saturating_sub(MARGIN)).clamp(0, LINES);
        let last = (row(north).saturating_add(MARGIN)).clamp(0, LINES);
        let (left, right) = (column(west) - MARGIN, column(east) + MARGIN);
        Window {
            south: first as u32,
            rows: (last - first) as u32,
            west: left.rem_euclid(LINES) as u32,
            columns: (right - left).min(LINES - 1) as u32,
        }
    }

    /// Whether the point of these bits, in row `y` and column `x`, may be inside the area.
    #[inline]
    pub fn admits(&self, bits: u64, y: u32, x: u32) -> bool {
        let is_in_rows = y.wrapping_sub(self.south) <= self.rows;
        let is_in_columns = x.wrapping_sub(self.west) & (LINES as u32 - 1) <= self.columns;
        // What is no geohash is put on the border of the map somewhere.
        is_in_rows && is_in_columns || bits >> GEOHASH_BITS != 0
    }
}

/// The angle of this sine, in which an area reaches to the east and to the west; all around where it touches a pole.
fn half_width(sine: f64, farthest_latitude: f64) -> f64 {
    if farthest_latitude < FRAC_PI_2 && sine < 1.0 { sine.asin() } else { PI }
}
