//! `config`: checking and showing the settings of the service.

use crate::world::World;

#[test]
fn every_value_is_shown_with_its_origin() {
    let world = World::new();
    world.write("config.toml", "listen = \"127.0.0.1:7000\"\n");
    let run: crate::world::Run = world
        .command(&[
            "config",
            "show",
            "--origin",
            "--config",
            "config.toml",
            "--data",
            "/srv/tidegate",
        ])
        .env("TIDEGATE_LOG_LEVEL", "debug")
        .output()
        .expect("it starts")
        .into();
    let run = run.ends_with(0);
    insta::assert_snapshot!("config_show", run.stdout);
}

#[test]
fn a_good_configuration_is_said_to_be_good() {
    let world = World::new();
    world.write("config.toml", "");
    world
        .run(&["config", "check", "--config", "config.toml"])
        .ends_with(0)
        .shows("valid");
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
    let world = World::new();
    world.write("config.toml", "# the service\nlog_levle = \"info\"\n");
    world
        .run(&["config", "check", "--config", "config.toml"])
        .ends_with(64)
        .says("error: `config.toml`, line 2: unknown key `log_levle`")
        .says("hint: Did you mean `log_level`?");
}

#[test]
fn an_unknown_variable_is_named() {
    let world = World::new();
    world.write("config.toml", "");
    let run: crate::world::Run = world
        .command(&["config", "check", "--config", "config.toml"])
        .env("TIDEGATE_LISTENS", "x")
        .output()
        .expect("it starts")
        .into();
    run.ends_with(64)
        .says("unknown environment variable `TIDEGATE_LISTENS`")
        .says("`TIDEGATE_LISTEN`");
}

#[test]
fn a_secret_in_a_database_address_is_not_shown() {
    let world = World::new();
    world.write(
        "config.toml",
        "database = \"postgres://app:s3cr3t@db/tidegate\"\n",
    );
    world
        .run(&["config", "show", "--config", "config.toml"])
        .ends_with(0)
        .shows("postgres://app:****@db/tidegate")
        .hides("s3cr3t");
}
