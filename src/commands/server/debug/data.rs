//! DEBUG subcommands that look at keys and tables, or make many of them.

use crate::base::number::parse_i64;
use crate::exec::call::fault;
use crate::exec::snapshot::{self, Reload};
use crate::exec::{Call, Outcome, Stop};
use crate::keyspace::digest::Digest;
use crate::keyspace::{Db, Deadline, Key, StringValue, Value, event};
use crate::rdb::write_value::written_bytes;
use crate::rdb::writer::Choices;
use crate::server::{Server, World};
use crate::structures::pack_deque::NodeRef;
use crate::value::list::List;

pub(super) fn object(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let key = Key::new(call.arg(2));
    // As it stands there: a replica may have to wait for its master's word before a key that is due goes.
    server.keyspace.set_finds_due(true);
    let db = &*server.keyspace.db_mut(call.db);
    let entry = db.peek(key).ok_or(fault::NO_SUCH_KEY)?;
    let idle_s = crate::keyspace::idle_seconds(entry.access(), &db.rules);
    let mut text = format!(
        "Value at:{:#x} refcount:1 encoding:{} serializedlength:{} lru:{} lru_seconds_idle:{idle_s}",
        entry.key().as_ptr() as usize,
        entry.encoding(),
        written_bytes(entry.value(), Choices::for_payload(call.settings)),
        entry.access()
    );
    if let Value::List(List::Deque(deque)) = entry.value()
        && entry.encoding() == "quicklist"
    {
        let size = |node| match node {
            NodeRef::Pack(pack) => pack.byte_size(),
            NodeRef::Plain(element) => element.len(),
        };
        let (nodes, fill) = (deque.node_count(), deque.limits().fill());
        let mean = deque.len() as f64 / nodes as f64;
        let bytes: usize = deque.nodes().map(size).sum();
        text += &format!(
            " ql_nodes:{nodes} ql_avg_node:{mean:.2} ql_listpack_max:{fill} ql_compressed:0 ql_uncompressed_size:{bytes}"
        );
    }
    call.reply.simple(&text);
    Ok(())
}

pub(super) fn string_lengths(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let entry = server.keyspace.db(call.db).peek(Key::new(call.arg(2))).ok_or(fault::NO_SUCH_KEY)?;
    let Ok(string) = entry.string() else {
        return Err(Stop::error("ERR Not an sds encoded string."));
    };
    let (key, value) = (entry.key().len(), string.len());
    let text = format!(
        "key_sds_len:{key}, key_sds_avail:0, key_zmalloc: {key}, val_sds_len:{value}, val_sds_avail:0, val_zmalloc: {}",
        entry.bytes(0)
    );
    call.reply.simple(&text);
    Ok(())
}

pub(super) fn table_of_database(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let index = call.integer(2)?;
    let db = usize::try_from(index).ok().filter(|index| *index < server.keyspace.databases());
    let db: &Db = server.keyspace.db(db.ok_or(Stop::error("ERR Out of range database"))?);
    let text = format!(
        "[Dictionary HT]\nOpen addressing in segments:\n table bytes: {}\n number of elements: {}\n[Expires HT]\n\
         Links in the entries, on a wheel:\n number of elements: {}\n",
        db.table_bytes(),
        db.len(),
        db.volatile_len()
    );
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

/// `POPULATE count [prefix] [bytes]`: keys `prefix:n` with the string `value:n`, filled with zeros or cut to `bytes`.
/// Keys that exist stay as they are.
pub(super) fn populate(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let number = |at: usize| parse_i64(call.arg(at)).filter(|number| *number >= 0);
    let out_of_range = Stop::error("ERR value is out of range, must be positive");
    let Some(count) = number(2) else { return Err(out_of_range) };
    let prefix = if call.argc() > 3 { call.arg(3) } else { b"key" };
    let bytes = match call.argc() {
        5 => Some(number(4).ok_or(out_of_range)? as usize).filter(|bytes| *bytes > 0),
        _ => None,
    };
    let db = server.keyspace.db_mut(call.db);
    db.reserve(count as usize);
    for n in 0..count {
        let name = [prefix, b":", n.to_string().as_bytes()].concat();
        let key = Key::new(&name);
        if db.exists(key) {
            continue;
        }
        let mut value = format!("value:{n}").into_bytes();
        if let Some(bytes) = bytes {
            value.resize(bytes, 0);
        }
        db.set_string(key, StringValue::encode(&value), Deadline::Clear, event::SET);
    }
    call.propagation.suppress();
    call.reply.ok();
    Ok(())
}

pub(super) fn digest(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    call.reply.simple(&Digest::of_all(&server.keyspace).to_hex());
    Ok(())
}

/// A key that is absent has the digest of nothing.
pub(super) fn digest_of_values(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    let db = server.keyspace.db(call.db);
    call.reply.array(call.argc() - 2);
    for name in call.args.from(2).iter() {
        let digest = db.peek(Key::new(name)).map(Digest::of_value).unwrap_or_default();
        call.reply.simple(&digest.to_hex());
    }
    Ok(())
}

pub(super) fn reload(call: &mut Call, server: &mut Server, world: &mut dyn World) -> Outcome {
    let mut how = Reload { saves: true, flushes: true, merges: false };
    for option in call.args.from(2).iter() {
        match option.to_ascii_uppercase().as_slice() {
            b"MERGE" => how.merges = true,
            b"NOFLUSH" => how.flushes = false,
            b"NOSAVE" => how.saves = false,
            _ => return Err("ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.".into()),
        }
    }
    snapshot::reload(server, world, how).map_err(Stop::error)?;
    call.reply.ok();
    Ok(())
}

fn encoding_of(call: &Call, server: &Server) -> Result<&'static str, Stop> {
    let entry = server.keyspace.db(call.db).peek(Key::new(call.arg(2))).ok_or(fault::NO_SUCH_KEY)?;
    Ok(entry.encoding())
}

pub(super) fn list_pack(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if !matches!(encoding_of(call, server)?, "listpack" | "listpackex") {
        return Err("ERR Not a listpack encoded object.".into());
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn quick_list(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if encoding_of(call, server)? != "quicklist" {
        return Err("ERR Not a quicklist encoded object.".into());
    }
    call.reply.ok();
    Ok(())
}

pub(super) fn table_of_key(call: &mut Call, server: &mut Server, _: &mut dyn World) -> Outcome {
    if !matches!(encoding_of(call, server)?, "hashtable" | "skiplist") {
        return Err("ERR The value stored at the specified key is not represented using an hash table".into());
    }
    let entry = server.keyspace.db(call.db).peek(Key::new(call.arg(2))).ok_or(fault::NO_SUCH_KEY)?;
    let text =
        format!("Open addressing in segments:\n bytes: {}\n number of elements: {}\n", entry.bytes(0), entry.len());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}
