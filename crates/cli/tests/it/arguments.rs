//! What belongs to the whole command line: help, version, mistakes, completions.

use rstest::rstest;

use crate::world::World;

#[rstest]
#[case(&["--version"], 0)]
#[case(&["--help"], 0)]
#[case(&["scan", "--help"], 0)]
#[case(&[], 64)]
#[case(&["scna"], 64)]
#[case(&["scan"], 64)]
#[case(&["completion", "tcsh"], 64)]
#[case(&["scan", "dir:.", "--as-of", "yesterday"], 64)]
fn arguments_end_with_zero_or_sixty_four(#[case] args: &[&str], #[case] exit: i32) {
    World::new().run(args).ends_with(exit);
}

#[test]
fn help_is_data_and_a_mistake_is_not() {
    World::new().run(&["--help"]).ends_with(0).shows("Usage:");
    let run = World::new().run(&["scna"]).ends_with(64).says("scan");
    assert_eq!(run.stdout, "");
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        World::new()
            .run(&["completion", shell])
            .ends_with(0)
            .shows("tidegate");
    }
}
