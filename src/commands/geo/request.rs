//! Requests for what is in an area: the options of GEOSEARCH and of the older commands, which share most of them.

use super::read::place_of;
use super::words::{position, radius, width_and_height};
use crate::exec::call::fault;
use crate::exec::{Call, Stop};
use crate::structures::geo::{Area, Position, Shape};
use crate::value::zset::Zset;

const NO_SUCH_PLACE: Stop = Stop::error("ERR could not decode requested zset member");
const COUNT_NOT_POSITIVE: Stop = Stop::error("ERR COUNT must be > 0");
const ANY_WITHOUT_COUNT: Stop = Stop::error("ERR the ANY argument requires COUNT argument");
const NOT_A_COUNT_OF_CORNERS: Stop = Stop::error("ERR invalid number of vertices");
const TOO_FEW_CORNERS: Stop = Stop::error("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices");
const SEARCH_STORES_NO_DETAILS: Stop =
    Stop::error("ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
const RADIUS_STORES_NO_DETAILS: Stop =
    Stop::error("ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options");

/// Corners of the least polygon.
const CORNERS_MIN: i32 = 3;

/// What the name of a command says already.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// GEORADIUS: the centre, radius and unit stand in front of the options.
    Radius {
        may_store: bool,
    },
    /// GEORADIUSBYMEMBER: a member, radius and unit.
    RadiusByMember {
        may_store: bool,
    },
    Search,
    SearchStore,
}

impl Form {
    /// The word of the key that is searched.
    pub fn source(self) -> usize {
        if self == Form::SearchStore { 2 } else { 1 }
    }

    fn is_search(self) -> bool {
        matches!(self, Form::Search | Form::SearchStore)
    }

    /// The word of the first option.
    fn options(self) -> usize {
        match self {
            Form::Radius { .. } => 6,
            Form::RadiusByMember { .. } => 5,
            Form::Search => 2,
            Form::SearchStore => 3,
        }
    }
}

/// What is told of each member.
#[derive(Clone, Copy, Default)]
pub(super) struct Details {
    pub distance: bool,
    pub hash: bool,
    pub place: bool,
}

impl Details {
    pub fn count(self) -> usize {
        usize::from(self.distance) + usize::from(self.hash) + usize::from(self.place)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    NearestFirst,
    FarthestFirst,
}

/// Where the result is stored: the word of the key, and whether distances are the scores there.
#[derive(Clone, Copy)]
pub(super) struct Target {
    pub key: usize,
    pub keeps_distances: bool,
}

/// A request without the area.
#[derive(Clone, Copy)]
pub(super) struct Request {
    pub details: Details,
    pub order: Option<Order>,
    /// Members at most; 0: all.
    pub count: usize,
    /// The first `count` that are found will do.
    pub any: bool,
    pub target: Option<Target>,
}

/// What has been said of the area so far.
#[derive(Default)]
struct AreaWords {
    is_from_member: bool,
    is_from_place: bool,
    /// None as well if the member's set is not there.
    center: Option<Position>,
    shape: Option<Shape>,
    unit: f64,
}

impl AreaWords {
    fn has_center(&self) -> bool {
        self.is_from_member || self.is_from_place
    }

    fn is_polygon(&self) -> bool {
        matches!(self.shape, Some(Shape::Polygon(_)))
    }

    /// Whether a circle, or a box, may be said now: once more the same kind, or the first.
    fn takes_circle(&self) -> bool {
        matches!(self.shape, None | Some(Shape::Circle { .. }))
    }

    fn takes_box(&self) -> bool {
        matches!(self.shape, None | Some(Shape::Box { .. }))
    }

    fn takes_polygon(&self) -> bool {
        !self.has_center() && (self.shape.is_none() || self.is_polygon())
    }

    fn set_center_of(&mut self, zset: Option<&Zset>, member: &[u8]) -> Result<(), Stop> {
        self.is_from_member = true;
        if zset.is_some() {
            self.center = Some(place_of(zset, member).ok_or(NO_SUCH_PLACE)?);
        }
        Ok(())
    }

    fn set_circle(&mut self, call: &Call, index: usize) -> Result<(), Stop> {
        let (radius, unit) = radius(call, index)?;
        (self.shape, self.unit) = (Some(Shape::Circle { radius }), unit);
        Ok(())
    }

    fn area(self) -> Option<Area> {
        match self.shape? {
            Shape::Polygon(corners) => Some(Area::polygon(corners)),
            shape => Some(Area::around(self.center?, shape, self.unit)),
        }
    }
}

impl Request {
    /// Parses everything behind the source; the area is `None` only where `zset` is.
    pub fn parse(call: &Call, zset: Option<&Zset>, form: Form) -> Result<(Request, Option<Area>), Stop> {
        let mut words = AreaWords::default();
        match form {
            Form::Radius { .. } => {
                (words.is_from_place, words.center) = (true, Some(position(call, 2)?));
                words.set_circle(call, 4)?;
            }
            // Without a set the radius is not even looked at.
            Form::RadiusByMember { .. } if zset.is_some() => {
                words.set_center_of(zset, call.arg(2))?;
                words.set_circle(call, 3)?;
            }
            _ => {}
        }
        let target = (form == Form::SearchStore).then_some(Target { key: 1, keeps_distances: false });
        let mut request = Request { details: Details::default(), order: None, count: 0, any: false, target };
        let mut index = form.options();
        while index < call.argc() {
            index += match request.parse_option(call, form, index)? {
                Some(taken) => taken,
                None if form.is_search() => parse_area(call, zset, &mut words, index)?.ok_or(fault::SYNTAX)?,
                None => return Err(fault::SYNTAX),
            };
        }
        request.check(call, form, &words)?;
        // The nearest ones are meant where only the number is said.
        if request.count > 0 && request.order.is_none() && !request.any {
            request.order = Some(Order::NearestFirst);
        }
        Ok((request, words.area()))
    }

    /// Parses the option at `index` if it is one that says nothing of the area; gives back how many words it took.
    fn parse_option(&mut self, call: &Call, form: Form, index: usize) -> Result<Option<usize>, Stop> {
        let has_value = index + 1 < call.argc();
        let may_store = matches!(form, Form::Radius { may_store: true } | Form::RadiusByMember { may_store: true });
        if call.is(index, "WITHDIST") {
            self.details.distance = true;
        } else if call.is(index, "WITHHASH") {
            self.details.hash = true;
        } else if call.is(index, "WITHCOORD") {
            self.details.place = true;
        } else if call.is(index, "ANY") {
            self.any = true;
        } else if call.is(index, "ASC") {
            self.order = Some(Order::NearestFirst);
        } else if call.is(index, "DESC") {
            self.order = Some(Order::FarthestFirst);
        } else if call.is(index, "COUNT") && has_value {
            let count = call.integer(index + 1)?;
            self.count = usize::try_from(count).ok().filter(|&count| count > 0).ok_or(COUNT_NOT_POSITIVE)?;
            return Ok(Some(2));
        } else if may_store && has_value && (call.is(index, "STORE") || call.is(index, "STOREDIST")) {
            self.target = Some(Target { key: index + 1, keeps_distances: call.is(index, "STOREDIST") });
            return Ok(Some(2));
        } else if form == Form::SearchStore && call.is(index, "STOREDIST") {
            self.target = Some(Target { key: 1, keeps_distances: true });
        } else {
            return Ok(None);
        }
        Ok(Some(1))
    }

    fn check(&self, call: &Call, form: Form, words: &AreaWords) -> Result<(), Stop> {
        if self.target.is_some() && self.details.count() > 0 {
            return Err(if form.is_search() { SEARCH_STORES_NO_DETAILS } else { RADIUS_STORES_NO_DETAILS });
        }
        if form.is_search() && !words.has_center() && !words.is_polygon() {
            let before = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
            return Err(Stop::quoting(before, call.arg(0), ""));
        }
        if form.is_search() && words.shape.is_none() {
            return Err(Stop::quoting("ERR exactly one of BYRADIUS and BYBOX can be specified for ", call.arg(0), ""));
        }
        if self.any && self.count == 0 {
            return Err(ANY_WITHOUT_COUNT);
        }
        Ok(())
    }
}

/// Parses what GEOSEARCH says of its area at `index`; gives back how many words it took.
fn parse_area(call: &Call, zset: Option<&Zset>, words: &mut AreaWords, index: usize) -> Result<Option<usize>, Stop> {
    let behind = call.argc() - index - 1;
    if behind >= 1 && !words.is_from_place && !words.is_polygon() && call.is(index, "FROMMEMBER") {
        words.set_center_of(zset, call.arg(index + 1))?;
        return Ok(Some(2));
    }
    if behind >= 2 && !words.is_from_member && !words.is_polygon() && call.is(index, "FROMLONLAT") {
        (words.is_from_place, words.center) = (true, Some(position(call, index + 1)?));
        return Ok(Some(3));
    }
    if behind >= 2 && words.takes_circle() && call.is(index, "BYRADIUS") {
        words.set_circle(call, index + 1)?;
        return Ok(Some(3));
    }
    if behind >= 3 && words.takes_box() && call.is(index, "BYBOX") {
        let (width, height, unit) = width_and_height(call, index + 1)?;
        (words.shape, words.unit) = (Some(Shape::Box { width, height }), unit);
        return Ok(Some(4));
    }
    if behind >= 2 && words.takes_polygon() && call.is(index, "BYPOLYGON") {
        let corners = parse_corners(call, index + 1)?;
        let taken = 2 + 2 * corners.len();
        words.shape = Some(Shape::Polygon(corners));
        return Ok(Some(taken));
    }
    Ok(None)
}

/// The corners of a polygon, whose number stands at `index`.
fn parse_corners(call: &Call, index: usize) -> Result<Vec<Position>, Stop> {
    let count = call.integer(index).ok().and_then(|count| i32::try_from(count).ok()).ok_or(NOT_A_COUNT_OF_CORNERS)?;
    let first = index + 1;
    let given = (call.argc() - first) / 2;
    if count < CORNERS_MIN || count as usize > given {
        return Err(TOO_FEW_CORNERS);
    }
    (0..count as usize).map(|corner| position(call, first + 2 * corner)).collect()
}
