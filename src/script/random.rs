//! `math.random` and `math.randomseed`: the generator of `drand48` (48 bits, linear congruential), so that a seed gives the
//! same numbers on every machine, and those that it gives in Redis.

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::convert::{function, integer_argument};
use super::raise::{bad_argument, fail};

/// Numbers are below this.
const NUMBER_MAX: u64 = i32::MAX as u64;

/// The generator's state; it lives on when scripts are flushed.
#[derive(Debug)]
pub struct Lrand48(Cell<u64>);

impl Default for Lrand48 {
    fn default() -> Lrand48 {
        Lrand48(Cell::new(0x1234_ABCD_330E))
    }
}

impl Lrand48 {
    pub fn seed(&self, seed: i32) {
        self.0.set(u64::from(seed as u32) << 16 | 0x330E);
    }

    /// The next number, of 31 bits.
    pub fn next(&self) -> u64 {
        let state = (self.0.get().wrapping_mul(0x5_DEEC_E66D) + 0xB) & ((1 << 48) - 1);
        self.0.set(state);
        state >> 17
    }
}

/// Puts the two functions in place of Lua's.
pub fn install(lua: &Lua, math: &Table, generator: &Rc<Lrand48>) -> mlua::Result<()> {
    let source = Rc::clone(generator);
    let random = move |lua: &Lua, args: MultiValue| {
        let fraction = (source.next() % NUMBER_MAX) as f64 / NUMBER_MAX as f64;
        let bound = |number: usize| integer_argument(lua, &args, number).map(|value| f64::from(value as i32));
        let result = match args.len() {
            0 => fraction,
            1 => {
                let upper = bound(1)?;
                if upper < 1.0 {
                    return Err(bad_argument(lua, 1, "interval is empty"));
                }
                (fraction * upper).floor() + 1.0
            }
            2 => {
                let (lower, upper) = (bound(1)?, bound(2)?);
                if lower > upper {
                    return Err(bad_argument(lua, 2, "interval is empty"));
                }
                (fraction * (upper - lower + 1.0)).floor() + lower
            }
            _ => return Err(fail(lua, "wrong number of arguments")),
        };
        Ok(Value::Number(result))
    };
    math.raw_set("random", function(lua, random)?)?;
    let source = Rc::clone(generator);
    let seed = move |lua: &Lua, args: MultiValue| {
        source.seed(integer_argument(lua, &args, 1)? as i32);
        Ok(())
    };
    math.raw_set("randomseed", function(lua, seed)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_drand48() {
        let generator = Lrand48::default();
        generator.seed(0);
        // lrand48 after srand48(0), as published for System V.
        assert_eq!([generator.next(), generator.next(), generator.next()], [366_850_414, 1_610_402_240, 206_956_554]);
    }
}
