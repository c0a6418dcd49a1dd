//! What the requests of this family have in common: places, lengths, units.

use crate::exec::{Call, Stop};
use crate::structures::geo::Position;

const UNIT_UNKNOWN: Stop = Stop::error("ERR unsupported unit provided. please use M, KM, FT, MI");
const RADIUS_NOT_A_NUMBER: Stop = Stop::error("ERR need numeric radius");
const RADIUS_NEGATIVE: Stop = Stop::error("ERR radius cannot be negative");
const WIDTH_NOT_A_NUMBER: Stop = Stop::error("ERR need numeric width");
const HEIGHT_NOT_A_NUMBER: Stop = Stop::error("ERR need numeric height");
const SIDE_NEGATIVE: Stop = Stop::error("ERR height or width cannot be negative");

/// The point of longitude and latitude at `index` and behind it.
pub(super) fn position(call: &Call, index: usize) -> Result<Position, Stop> {
    let position = Position { longitude: call.double(index)?, latitude: call.double(index + 1)? };
    if position.is_encodable() {
        return Ok(position);
    }
    let Position { longitude, latitude } = position;
    Err(Stop::error_owned(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}")))
}

/// Metres in the unit at `index`.
pub(super) fn unit(call: &Call, index: usize) -> Result<f64, Stop> {
    const UNITS: [(&str, f64); 4] = [("M", 1.0), ("KM", 1000.0), ("FT", 0.3048), ("MI", 1609.34)];
    UNITS.iter().find(|(name, _)| call.is(index, name)).map(|&(_, metres)| metres).ok_or(UNIT_UNKNOWN)
}

/// Radius and unit at `index` and behind it; the unit in metres.
pub(super) fn radius(call: &Call, index: usize) -> Result<(f64, f64), Stop> {
    let radius = call.double(index).map_err(|_| RADIUS_NOT_A_NUMBER)?;
    if radius < 0.0 {
        return Err(RADIUS_NEGATIVE);
    }
    Ok((radius, unit(call, index + 1)?))
}

/// Width, height and unit from `index` on; the unit in metres.
pub(super) fn width_and_height(call: &Call, index: usize) -> Result<(f64, f64, f64), Stop> {
    let width = call.double(index).map_err(|_| WIDTH_NOT_A_NUMBER)?;
    let height = call.double(index + 1).map_err(|_| HEIGHT_NOT_A_NUMBER)?;
    if width < 0.0 || height < 0.0 {
        return Err(SIDE_NEGATIVE);
    }
    Ok((width, height, unit(call, index + 2)?))
}
