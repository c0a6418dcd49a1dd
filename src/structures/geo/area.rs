//! Areas that are searched: which cells cover one, and whether a point is inside.
//!
//! ```text
//!   NW │ N │ NE     The cell that holds the centre, at a step where cells are as large as the area's radius or larger,
//!   ───┼───┼───     and the eight around it; those that the area's bounds do not reach are left out. They are searched
//!   W  │ · │ E      in the order  · N S E W NE NW SE SW , in which their points are answered if nobody asks for another.
//!   ───┼───┼───
//!   SW │ S │ SE
//! ```

use super::cell::{Cell, LATITUDE_MAX, Position, bits_of_score, deinterleave};
use super::window::Window;
use super::{Angle, EARTH_RADIUS_METRES, arc, distance, latitude_distance};

/// What is searched, in the unit of its area.
#[derive(Clone, Debug)]
pub enum Shape {
    Circle {
        radius: f64,
    },
    /// Along meridians and parallels.
    Box {
        width: f64,
        height: f64,
    },
    /// At least three corners; a line goes from the last to the first.
    Polygon(Vec<Position>),
}

/// A shape in its place, ready to be asked about points.
pub struct Area {
    center: Position,
    shape: Shape,
    /// Metres in the unit of the shape's lengths.
    unit: f64,
    window: Window,
    /// Of the centre, in radians.
    latitude: f64,
    longitude: f64,
    latitude_cosine: f64,
}

/// West, south, east and north end of an area, in degrees.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

/// Cells of a cover, the one in the middle included.
const COVER_MAX: usize = 9;

/// Half the girth of the map's projection: what a cell of step 1 is as wide as.
const MERCATOR_MAX_METRES: f64 = 20_037_726.37;

impl Area {
    /// A circle or a box around a point.
    pub fn around(center: Position, shape: Shape, unit: f64) -> Area {
        Area::new(center, shape, unit)
    }

    /// A polygon; its centre is where its corners, as points in space, have their mean.
    pub fn polygon(corners: Vec<Position>) -> Area {
        Area::new(mean(&corners), Shape::Polygon(corners), 1.0)
    }

    fn new(center: Position, shape: Shape, unit: f64) -> Area {
        let latitude = center.latitude.radians();
        let window = Window::of(center, &shape, unit);
        Area {
            center,
            shape,
            unit,
            window,
            latitude,
            longitude: center.longitude.radians(),
            latitude_cosine: latitude.cos(),
        }
    }

    /// Metres in the unit of the area's lengths.
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// The point of a score and its distance from the centre in metres, if it is inside.
    #[inline]
    pub fn find(&self, score: f64) -> Option<(Position, f64)> {
        let bits = bits_of_score(score);
        let (y, x) = deinterleave(bits);
        if !self.window.admits(bits, y, x) {
            return None;
        }
        let position = Position::of_score(score);
        self.distance_inside(position).map(|distance| (position, distance))
    }

    /// The distance of a point from the centre in metres, if it is inside.
    fn distance_inside(&self, position: Position) -> Option<f64> {
        match &self.shape {
            Shape::Circle { radius } => {
                let distance = self.distance(position);
                (distance <= radius * self.unit).then_some(distance)
            }
            Shape::Box { width, height } => {
                if latitude_distance(position.latitude, self.center.latitude) > height * self.unit / 2.0 {
                    return None;
                }
                let beside = Position { latitude: position.latitude, ..self.center };
                if distance(position, beside) > width * self.unit / 2.0 {
                    return None;
                }
                Some(self.distance(position))
            }
            Shape::Polygon(corners) => is_inside(position, corners).then(|| self.distance(position)),
        }
    }

    /// As `super::distance`, with what depends on the centre alone computed before.
    #[inline]
    fn distance(&self, to: Position) -> f64 {
        let v = ((to.longitude.radians() - self.longitude) / 2.0).sin();
        if v == 0.0 {
            return latitude_distance(self.center.latitude, to.latitude);
        }
        let latitude = to.latitude.radians();
        arc(((latitude - self.latitude) / 2.0).sin(), self.latitude_cosine * latitude.cos(), v)
    }

    /// The cells that are to be searched, in order. Around the whole world neighbours can be the same: each comes once.
    pub fn cover(&self) -> impl Iterator<Item = Cell> + use<> {
        let bounds = self.bounds();
        // The mean of a polygon's corners can lie beyond the map.
        let latitude = self.center.latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX);
        let center = Position { latitude, ..self.center };
        let mut step = step_for(self.radius_metres(bounds), latitude);
        let mut middle = Cell::of(center, step);
        if step > 1 && !reaches(middle, bounds) {
            step -= 1;
            middle = Cell::of(center, step);
        }
        let extent = middle.extent();
        // Cells of the first step are half the world: nothing is left out.
        let is_fine = step >= 2;
        let is_needed = move |east: i32, north: i32| {
            !is_fine
                || !(north < 0 && extent.south < bounds.south
                    || north > 0 && extent.north > bounds.north
                    || east < 0 && extent.west < bounds.west
                    || east > 0 && extent.east > bounds.east)
        };
        const AROUND: [(i32, i32); COVER_MAX - 1] =
            [(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut last = None;
        let around = AROUND.into_iter().filter(move |&(east, north)| is_needed(east, north));
        let around = around.map(move |(east, north)| middle.neighbour(east, north));
        let is_new = move |cell: &Cell| last.replace(*cell) != Some(*cell);
        std::iter::once(middle).chain(around.filter(is_new))
    }

    /// The ends of the area. Seen from the equator, the farther side of a circle or box spans more degrees of longitude.
    fn bounds(&self) -> Bounds {
        let (half_width, half_height) = match &self.shape {
            Shape::Circle { radius } => (self.unit * radius, self.unit * radius),
            Shape::Box { width, height } => (self.unit * (width / 2.0), self.unit * (height / 2.0)),
            Shape::Polygon(corners) => return bounds_of(corners),
        };
        let Position { longitude, latitude } = self.center;
        let north = (half_height / EARTH_RADIUS_METRES).degrees();
        let farther = if latitude < 0.0 { latitude - north } else { latitude + north };
        let east = (half_width / EARTH_RADIUS_METRES / farther.radians().cos()).degrees();
        Bounds { west: longitude - east, south: latitude - north, east: longitude + east, north: latitude + north }
    }

    /// The distance from the centre that nothing in the area exceeds.
    fn radius_metres(&self, bounds: Bounds) -> f64 {
        match &self.shape {
            Shape::Circle { radius } => radius * self.unit,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt() * self.unit
            }
            Shape::Polygon(_) => {
                let Bounds { west, south, east, north } = bounds;
                let corners = [(west, north), (east, north), (west, south), (east, south)];
                let far = corners.map(|(longitude, latitude)| distance(self.center, Position { longitude, latitude }));
                far.into_iter().fold(0.0, f64::max)
            }
        }
    }
}

/// The step at which the cell of the centre and those around it most likely hold a circle of this radius.
fn step_for(radius_metres: f64, latitude: f64) -> u32 {
    if radius_metres == 0.0 {
        return Cell::STEP_MAX;
    }
    let (mut radius, mut step) = (radius_metres, 1);
    while radius < MERCATOR_MAX_METRES {
        radius *= 2.0;
        step += 1;
    }
    step -= 2;
    // Towards the poles a cell is narrower than it is high.
    if latitude.abs() > 66.0 {
        step -= 1;
    }
    if latitude.abs() > 80.0 {
        step -= 1;
    }
    step.clamp(1, Cell::STEP_MAX as i32) as u32
}

/// Whether the cell and those around it reach to all ends of the area.
fn reaches(middle: Cell, bounds: Bounds) -> bool {
    let extent = |east, north| middle.neighbour(east, north).extent();
    !(extent(0, 1).north < bounds.north
        || extent(0, -1).south > bounds.south
        || extent(1, 0).east < bounds.east
        || extent(-1, 0).west > bounds.west)
}

/// The least box along the degrees that holds the corners of a polygon.
pub(super) fn bounds_of(corners: &[Position]) -> Bounds {
    let ends = |value: fn(&Position) -> f64| {
        let values = || corners.iter().map(value);
        (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
    };
    let (west, east) = ends(|corner| corner.longitude);
    let (south, north) = ends(|corner| corner.latitude);
    Bounds { west, south, east, north }
}

/// The point on the surface above or below the mean of these points in space.
fn mean(corners: &[Position]) -> Position {
    let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
    for corner in corners {
        let (longitude, latitude) = (corner.longitude.radians(), corner.latitude.radians());
        x += latitude.cos() * longitude.cos();
        y += latitude.cos() * longitude.sin();
        z += latitude.sin();
    }
    Position { longitude: y.atan2(x).degrees(), latitude: z.atan2((x * x + y * y).sqrt()).degrees() }
}

/// Whether a ray from the point to the east crosses the polygon's sides an odd number of times.
fn is_inside(point: Position, corners: &[Position]) -> bool {
    let Some(mut before) = corners.last() else { return false };
    let mut is_inside = false;
    for corner in corners {
        if (corner.latitude > point.latitude) != (before.latitude > point.latitude) {
            let slope = (before.longitude - corner.longitude) * (point.latitude - corner.latitude);
            if point.longitude < slope / (before.latitude - corner.latitude) + corner.longitude {
                is_inside = !is_inside;
            }
        }
        before = corner;
    }
    is_inside
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::structures::geo::LONGITUDE_MAX;

    fn at(longitude: f64, latitude: f64) -> Position {
        Position { longitude, latitude }
    }

    /// A point anywhere, or near `center`.
    fn draw(random: &mut Random, center: Option<Position>, spread: f64) -> Position {
        let mut around = |middle: f64, half: f64| middle + (random.fraction() * 2.0 - 1.0) * half;
        let point = match center {
            None => at(around(0.0, LONGITUDE_MAX), around(0.0, LATITUDE_MAX)),
            Some(center) => at(around(center.longitude, spread), around(center.latitude, spread)),
        };
        at(point.longitude.clamp(-180.0, 180.0), point.latitude.clamp(-LATITUDE_MAX, LATITUDE_MAX))
    }

    /// What the window and the cover let through must be all that is inside: the shape alone decides. Near the poles and
    /// across half the world the cover is not complete (as in Redis), so the cover is asked only elsewhere.
    #[track_caller]
    fn check(area: &Area, points: &[Position], is_cover_complete: bool) {
        let ranges = area.cover().map(Cell::scores).collect::<Vec<_>>();
        assert!(ranges.len() <= COVER_MAX);
        for &point in points {
            let score = Cell::of(point, Cell::STEP_MAX).score() as f64;
            let expected = area.distance_inside(Position::of_score(score));
            assert_eq!(area.find(score).map(|(_, distance)| distance), expected, "{point:?}");
            if expected.is_some() && is_cover_complete {
                let holders = ranges.iter().filter(|(from, to)| *from <= score && score < *to).count();
                assert_eq!(holders, 1, "{point:?} of {:?}", area.center);
            }
        }
    }

    #[test]
    fn cover_and_window_let_through_what_is_inside() {
        let mut random = Random::new(7);
        for round in 0..600 {
            let center = draw(&mut random, None, 0.0);
            let metres = 10f64.powf(random.fraction() * 6.0);
            let degrees = (metres / 50_000.0).min(90.0);
            let points: Vec<Position> = (0..200).map(|_| draw(&mut random, Some(center), degrees)).collect();
            let is_simple = center.latitude.abs() < 60.0 && metres < 500_000.0;
            let shape = if round % 2 == 0 {
                Shape::Circle { radius: metres }
            } else {
                Shape::Box { width: metres * (0.2 + random.fraction()), height: metres * (0.2 + random.fraction()) }
            };
            check(&Area::around(center, shape, 1.0), &points, is_simple);
        }
    }

    #[test]
    fn huge_areas_let_through_what_is_inside() {
        let mut random = Random::new(9);
        let points: Vec<Position> = (0..300).map(|_| draw(&mut random, None, 0.0)).collect();
        for round in 0..200 {
            let center = draw(&mut random, None, 0.0);
            let kilometres = 10f64.powf(2.0 + random.fraction() * 4.0);
            let shape = if round % 2 == 0 {
                Shape::Circle { radius: kilometres }
            } else {
                Shape::Box { width: kilometres * random.fraction(), height: kilometres }
            };
            check(&Area::around(center, shape, 1000.0), &points, false);
        }
    }

    #[test]
    fn polygons_hold_what_is_between_their_sides() {
        let square = vec![at(5.0, 5.0), at(5.0, 10.0), at(10.0, 10.0), at(10.0, 5.0)];
        let area = Area::polygon(square);
        let inside = |longitude, latitude| area.distance_inside(at(longitude, latitude)).is_some();
        assert!(inside(7.0, 7.0) && inside(9.9, 5.1));
        assert!(!inside(4.9, 7.0) && !inside(7.0, 10.1) && !inside(11.0, 7.0));
        let mut random = Random::new(3);
        for _ in 0..200 {
            let center = draw(&mut random, None, 0.0);
            let corners: Vec<Position> = (0..7).map(|_| draw(&mut random, Some(center), 3.0)).collect();
            let points: Vec<Position> = (0..200).map(|_| draw(&mut random, Some(center), 4.0)).collect();
            check(&Area::polygon(corners), &points, center.latitude.abs() < 50.0 && center.longitude.abs() < 170.0);
        }
    }

    #[test]
    fn around_the_whole_world_no_cell_comes_twice() {
        let area = Area::around(at(10.0, 10.0), Shape::Circle { radius: 20_000.0 }, 1000.0);
        let mut cells: Vec<u64> = area.cover().map(Cell::score).collect();
        assert_eq!(cells.len(), 4);
        cells.sort_unstable();
        cells.dedup();
        assert_eq!(cells.len(), 4);
    }

    #[test]
    fn steps_fit_the_radius() {
        assert_eq!(step_for(0.0, 0.0), Cell::STEP_MAX);
        assert_eq!(step_for(1e-300, 0.0), Cell::STEP_MAX);
        assert_eq!(step_for(f64::INFINITY, 0.0), 1);
        assert_eq!((step_for(1000.0, 0.0), step_for(1000.0, 70.0), step_for(1000.0, -81.0)), (14, 13, 12));
    }
}
