//! `advisories`: import and status.

use crate::world::World;

#[test]
fn an_import_counts_what_it_read_and_status_shows_it() {
    let world = World::with_sample();
    world
        .run(&["advisories", "status", "--advisories", "known.tgdb"])
        .ends_with(0)
        .shows("debian")
        .shows("kev")
        .shows("RECORDS");
}

#[test]
fn a_data_folder_is_made_where_there_is_none() {
    let world = World::with_sample();
    world
        .run(&["advisories", "import", "tracker.json", "--data", "new/data"])
        .ends_with(0)
        .shows("new/data/advisories.tgdb");
    world
        .run(&["advisories", "status", "--data", "new/data"])
        .ends_with(0);
}

#[test]
fn an_unknown_feed_is_named_and_the_old_snapshot_stays() {
    let world = World::with_sample();
    let before = fs_err::read(world.path("known.tgdb")).expect("readable");
    world.write("notes.txt", "hello, this is no feed\n");
    world
        .run(&["advisories", "import", "notes.txt", "--out", "known.tgdb"])
        .ends_with(1)
        .says("error: `notes.txt` is not a feed that can be read")
        .says("hint: ");
    assert_eq!(
        fs_err::read(world.path("known.tgdb")).expect("readable"),
        before
    );
}

#[test]
fn a_file_that_is_no_snapshot_is_named() {
    let world = World::new();
    world.write("not.tgdb", "hello");
    world
        .run(&["advisories", "status", "--advisories", "not.tgdb"])
        .ends_with(1)
        .says("`not.tgdb`")
        .says("hint: `tidegate advisories import PATH…`");
}

#[test]
fn an_import_needs_a_path() {
    World::new().run(&["advisories", "import"]).ends_with(64);
}
