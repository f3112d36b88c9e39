//! The commands of `docs/guides/administration.md`, run in their order.

use std::path::Path;

use assert_cmd::Command;

use crate::serve::Site;
use crate::wire::push_image;
use crate::world::{Run, image_of};

#[test]
fn the_commands_of_the_guide_do_what_it_says() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guides/administration.md");
    let guide = fs_err::read_to_string(guide).expect("the guide");
    let blocks: Vec<&str> = guide
        .split("```sh\n")
        .skip(1)
        .map(|rest| rest.split("```").next().expect("an end"))
        .collect();
    assert!(blocks.len() >= 5, "the guide has few commands");

    let site = Site::new();
    let server = site.start();
    for content in ["first", "second"] {
        push_image(&server, "acme/web", "1.4", &image_of(&[("a", content)]));
    }
    let program = Path::new(env!("CARGO_BIN_EXE_tidegate"));
    let folder = program.parent().expect("a folder").display();
    for block in blocks {
        let run: Run = Command::new("sh")
            .args(["-e", "-c", block])
            .current_dir(site.world.path(""))
            .env_clear()
            .env("HOME", site.world.path(""))
            .env("PATH", format!("{folder}:/usr/bin:/bin"))
            .env("TIDEGATE_DATA", "data")
            .output()
            .expect("it starts")
            .into();
        assert_eq!(run.exit, 0, "{block}\n{}", run.stderr);
    }
    server.stop();
    let exported = site.world.read("audit.csv");
    assert!(exported.contains(",console,"), "{exported}");
}
