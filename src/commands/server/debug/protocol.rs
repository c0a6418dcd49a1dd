//! DEBUG PROTOCOL and DEBUG ERROR: an example of every type of reply, for those who write clients.

use crate::exec::{Call, Outcome, Stop};
use crate::server::{Server, World};

/// The example of a double: not a rounded pi, but exactly this.
const EXAMPLE: f64 = 3141.0 / 1000.0;

pub(super) fn protocol(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let kind = call.arg(2).to_ascii_lowercase();
    let is_resp3 = call.reply.is_resp3();
    let reply = &mut call.reply;
    match kind.as_slice() {
        b"string" => reply.bulk(b"Hello World"),
        b"integer" => reply.integer(12345),
        b"double" => reply.double(EXAMPLE),
        b"null" => reply.null(),
        b"array" => {
            reply.array(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"set" => {
            reply.set(3);
            (0..3).for_each(|n| reply.integer(n));
        }
        b"map" => {
            reply.map(3);
            (0..3).for_each(|n| {
                reply.integer(n);
                reply.boolean(n == 1);
            });
        }
        b"attrib" => {
            if is_resp3 {
                reply.attribute(1);
                reply.bulk(b"key-popularity");
                reply.array(2);
                reply.bulk(b"key:123");
                reply.integer(90);
            }
            reply.bulk(b"Some real reply following the attribute");
        }
        b"push" => {
            if !is_resp3 {
                return Err(Stop::error("ERR RESP2 is not supported by this command"));
            }
            reply.bulk(b"Some real reply following the push reply");
            reply.push(2);
            reply.bulk(b"server-cpu-usage");
            reply.integer(42);
        }
        b"bignum" => reply.big_number(b"1234567999999999999999999999999999999"),
        b"verbatim" => reply.verbatim("txt", b"This is a verbatim\nstring"),
        b"true" => reply.boolean(true),
        b"false" => reply.boolean(false),
        _ => {
            return Err(Stop::error(
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ));
        }
    }
    Ok(())
}

/// The text becomes the error, code and all; line breaks would end it early.
pub(super) fn error(call: &mut Call, _: &mut Server, _: &mut dyn World) -> Outcome {
    let text = call.arg(2).iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte });
    Err(Stop::error_owned(text.collect::<Vec<u8>>()))
}
