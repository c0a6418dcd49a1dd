//! What a crash may do to a file and to names, and what it may not.

use super::*;

fn path(name: &str) -> PathBuf {
    PathBuf::from(name)
}

/// What a file holds after each of many crashes of the same disk; `None` where it is not there.
fn after_crashes(disk: &Disk, name: &str) -> Vec<Option<Vec<u8>>> {
    let outcomes = (0..400).map(|seed| {
        let mut disk = disk.clone();
        disk.crash(&mut Random::new(seed));
        disk.find(&path(name)).ok().map(|node| disk.read(node).expect("a file").to_vec())
    });
    outcomes.collect()
}

#[test]
fn what_was_synced_stays_whatever_else_is_lost() {
    let mut disk = Disk::default();
    let node = disk.open(&path("a")).expect("made");
    disk.append(node, b"safe").expect("open");
    disk.sync(node).expect("open");
    disk.sync_folder(Path::new("."));
    disk.append(node, b" and").expect("open");
    disk.append(node, b" not").expect("open");
    let outcomes = after_crashes(&disk, "a");
    assert!(outcomes.iter().all(|bytes| bytes.as_ref().is_some_and(|bytes| bytes.starts_with(b"safe"))));
    for possible in ["safe", "safe and", "safe and not", "safe a", "safe\0\0\0\0 not", "safe and n\0\0"] {
        let bytes = Some(possible.as_bytes().to_vec());
        assert!(outcomes.contains(&bytes), "{possible:?} can happen");
    }
    assert!(outcomes.iter().flatten().all(|bytes| bytes.len() <= 12));
}

#[test]
fn a_name_is_safe_only_after_a_sync_of_its_folder() {
    let mut disk = Disk::default();
    let node = disk.open(&path("a")).expect("made");
    disk.append(node, b"bytes").expect("open");
    disk.sync(node).expect("open");
    let outcomes = after_crashes(&disk, "a");
    assert!(outcomes.contains(&None) && outcomes.contains(&Some(b"bytes".to_vec())));
    disk.sync_folder(Path::new("."));
    assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"bytes")));
    disk.remove(&path("a")).expect("there");
    let outcomes = after_crashes(&disk, "a");
    assert!(outcomes.contains(&None) && outcomes.contains(&Some(b"bytes".to_vec())));
}

#[test]
fn a_rename_is_whole_or_not_at_all() {
    let mut disk = Disk::default();
    disk.put(&path("old"), b"old".to_vec());
    let node = disk.open(&path("new")).expect("made");
    disk.append(node, b"new").expect("open");
    disk.sync(node).expect("open");
    disk.sync_folder(Path::new("."));
    disk.rename(&path("new"), &path("old")).expect("there");
    let mut seen = [0; 2];
    for seed in 0..100 {
        let mut disk = disk.clone();
        disk.crash(&mut Random::new(seed));
        let read = |name| disk.find(&path(name)).ok().map(|node| disk.read(node).expect("a file").to_vec());
        match (read("old").as_deref(), read("new").as_deref()) {
            (Some(b"old"), Some(b"new")) => seen[0] += 1,
            (Some(b"new"), None) => seen[1] += 1,
            other => panic!("half a rename: {other:?}"),
        }
    }
    assert!(seen[0] > 0 && seen[1] > 0);
}

#[test]
fn renamed_before_it_was_synced_it_may_be_empty() {
    let mut disk = Disk::default();
    disk.put(&path("old"), b"old".to_vec());
    let node = disk.open(&path("new")).expect("made");
    disk.append(node, b"new").expect("open");
    disk.rename(&path("new"), &path("old")).expect("there");
    disk.sync_folder(Path::new("."));
    assert!(after_crashes(&disk, "old").contains(&Some(Vec::new())));
}

#[test]
fn names_in_a_folder_go_with_its_own() {
    let mut disk = Disk::default();
    disk.make_folder(&path("d")).expect("made");
    let node = disk.open(&path("d/a")).expect("made");
    disk.append(node, b"bytes").expect("open");
    disk.sync(node).expect("open");
    disk.sync_folder(Path::new("d"));
    let outcomes = after_crashes(&disk, "d/a");
    assert!(outcomes.contains(&None) && outcomes.contains(&Some(b"bytes".to_vec())));
    disk.sync_folder(Path::new("."));
    assert!(after_crashes(&disk, "d/a").iter().all(Option::is_some));
    assert!(disk.open(&path("d")).is_err() && disk.open(&path("e/a")).is_err());
}

#[test]
fn what_a_failed_sync_was_for_stays_in_doubt() {
    let mut disk = Disk::default();
    disk.put(&path("a"), Vec::new());
    let node = disk.find(&path("a")).expect("there");
    disk.append(node, b"one").expect("open");
    disk.fail_sync_before(node, disk.mark(node));
    disk.append(node, b"two").expect("open");
    disk.sync(node).expect("open");
    let outcomes = after_crashes(&disk, "a");
    assert!(outcomes.contains(&Some(b"\0\0\0two".to_vec())), "the next sync did not save it");
    assert!(outcomes.contains(&Some(b"onetwo".to_vec())));
    assert!(outcomes.iter().all(|bytes| bytes.as_ref().is_some_and(|bytes| bytes.ends_with(b"two"))));
    // Cut off and written anew, it is as safe as anything.
    disk.cut(node, 0).expect("open");
    disk.append(node, b"new").expect("open");
    disk.sync(node).expect("open");
    assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"new")));
}

#[test]
fn what_was_in_doubt_and_was_cut_off_leaves_nothing() {
    let mut disk = Disk::default();
    disk.put(&path("a"), b"old ".to_vec());
    let node = disk.find(&path("a")).expect("there");
    disk.append(node, b"doubt").expect("open");
    disk.append(node, b" more").expect("open");
    disk.fail_sync_before(node, disk.mark(node));
    disk.cut(node, 4).expect("open");
    disk.sync(node).expect("open");
    assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"old ")));
}

#[test]
fn what_is_in_doubt_is_safe_when_it_was_written_again() {
    let mut disk = Disk::default();
    disk.put(&path("a"), b"old ".to_vec());
    let node = disk.find(&path("a")).expect("there");
    disk.append(node, b"doubt").expect("open");
    disk.fail_sync_before(node, disk.mark(node));
    disk.write_again(node).expect("open");
    assert!(after_crashes(&disk, "a").iter().flatten().all(|bytes| bytes.starts_with(b"old ")), "it harms nothing");
    disk.sync(node).expect("open");
    assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"old doubt")));
}

#[test]
fn what_is_in_doubt_may_leave_memory() {
    let mut disk = Disk::default();
    disk.put(&path("a"), b"old ".to_vec());
    let node = disk.find(&path("a")).expect("there");
    disk.append(node, b"doubt").expect("open");
    disk.fail_sync_before(node, disk.mark(node));
    let seen = |seed| {
        let mut disk = disk.clone();
        disk.evict(&mut Random::new(seed));
        disk.read(node).expect("a file").to_vec()
    };
    let outcomes: Vec<Vec<u8>> = (0..20).map(seen).collect();
    assert!(outcomes.contains(&b"old doubt".to_vec()) && outcomes.contains(&b"old \0\0\0\0\0".to_vec()));
}

#[test]
fn a_sync_is_for_what_was_written_before_it_began() {
    let mut disk = Disk::default();
    disk.put(&path("a"), Vec::new());
    let node = disk.find(&path("a")).expect("there");
    disk.append(node, b"one").expect("open");
    let mark = disk.mark(node);
    disk.append(node, b"two").expect("open");
    disk.sync_before(node, mark).expect("open");
    let outcomes = after_crashes(&disk, "a");
    assert!(outcomes.iter().flatten().all(|bytes| bytes.starts_with(b"one")));
    assert!(outcomes.contains(&Some(b"one".to_vec())) && outcomes.contains(&Some(b"onetwo".to_vec())));
}

#[test]
fn cuts_come_or_are_lost_in_their_place() {
    let mut disk = Disk::default();
    disk.put(&path("a"), b"good and torn".to_vec());
    let node = disk.find(&path("a")).expect("there");
    disk.cut(node, 4).expect("there");
    assert_eq!(disk.read(node).expect("there"), b"good");
    let outcomes = after_crashes(&disk, "a");
    assert!(outcomes.contains(&Some(b"good".to_vec())) && outcomes.contains(&Some(b"good and torn".to_vec())));
    disk.append(node, b"!").expect("there");
    disk.sync(node).expect("there");
    assert!(after_crashes(&disk, "a").iter().all(|bytes| bytes.as_deref() == Some(b"good!")));
}

#[test]
fn the_same_seed_is_the_same_crash() {
    let mut disk = Disk::default();
    for number in 0..20 {
        let node = disk.open(&path(&format!("file {number}"))).expect("made");
        disk.append(node, &[number; 30]).expect("open");
    }
    let crashed = |seed| {
        let mut disk = disk.clone();
        disk.crash(&mut Random::new(seed));
        disk.seen
            .iter()
            .map(|(path, node)| (path.clone(), disk.read(*node).expect("there").to_vec()))
            .collect::<Vec<_>>()
    };
    assert_eq!(crashed(5), crashed(5));
    assert_ne!(crashed(5), crashed(6));
}
