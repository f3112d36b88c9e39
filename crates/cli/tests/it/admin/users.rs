//! `tidegate admin user` and `tidegate admin org`.

use rstest::rstest;

use super::End::{Does, Misused, Refuses, Shows};
use super::walk;
use crate::serve::{Engine, Site};

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn people_come_change_and_go(#[case] engine: Engine) {
    let site = Site::on(engine);
    site.world.write("password.txt", "a long enough phrase\n");
    site.world.write("empty.txt", "\n");
    walk(
        &site,
        &[
            (
                "user create ops --superuser --password-file password.txt",
                Does("user ops created", &["account.create"]),
            ),
            (
                "user create dev --email dev@example.com",
                Does(
                    "user dev created; the password is shown this once",
                    &["account.create"],
                ),
            ),
            ("user create dev", Refuses("`dev` exists already")),
            (
                "user create Dev",
                Refuses("`Dev` cannot be the name of an account or a team"),
            ),
            (
                "user create other --password-file empty.txt",
                Misused("there is no password to set"),
            ),
            (
                "user create other --password-file missing.txt",
                Refuses("cannot read the password"),
            ),
            ("user list", Shows("dev dev@example.com no no - 20")),
            ("user list", Shows("ops - yes no - 20")),
            (
                "user set dev --reader true",
                Does("user dev changed", &["account.update"]),
            ),
            ("user list", Shows("dev dev@example.com no yes - 20")),
            (
                "user set nobody --reader true",
                Refuses("there is no account `nobody`"),
            ),
            (
                "user set ops --superuser false",
                Refuses("one enabled administrator must remain"),
            ),
            (
                "user disable dev",
                Does("user dev disabled", &["account.disable"]),
            ),
            ("user list", Shows("dev dev@example.com no yes 20")),
            (
                "user disable ops",
                Refuses("one enabled administrator must remain"),
            ),
            (
                "user disable nobody",
                Refuses("there is no account `nobody`"),
            ),
            (
                "user enable dev",
                Does("user dev enabled", &["account.enable"]),
            ),
            (
                "user enable nobody",
                Refuses("there is no account `nobody`"),
            ),
            (
                "password dev --password-file password.txt",
                Does("the password of `dev` is set", &["account.password"]),
            ),
            (
                "password nobody --password-file password.txt",
                Refuses("there is no account `nobody`"),
            ),
            (
                "repository create dev/app",
                Does("repository dev/app created", &["repository.create"]),
            ),
            (
                "user delete dev",
                Refuses("there are repositories in the namespace `dev`, delete them first"),
            ),
            (
                "repository delete dev/app",
                Does("repository dev/app deleted", &["repository.delete"]),
            ),
            (
                "user delete dev",
                Does("user dev deleted", &["account.delete"]),
            ),
            ("user delete dev", Refuses("there is no account `dev`")),
        ],
    );
}

#[rstest]
#[case::sqlite(Engine::Sqlite)]
#[case::postgres(Engine::Postgres)]
fn organisations_come_and_go(#[case] engine: Engine) {
    let site = Site::on(engine);
    walk(
        &site,
        &[
            (
                "user create dev",
                Does("user dev created", &["account.create"]),
            ),
            (
                "org create acme --owner dev",
                Does("organisation acme created", &["organization.create"]),
            ),
            ("team members acme/owners", Shows("dev user - 20")),
            ("org create acme", Refuses("`acme` exists already")),
            ("org create dev", Refuses("`dev` exists already")),
            (
                "org create a/b",
                Refuses("`a/b` cannot be the name of an account or a team"),
            ),
            (
                "org create rest --owner nobody",
                Refuses("there is no account `nobody`"),
            ),
            ("org list", Shows("acme - 20")),
            (
                "repository create acme/app",
                Does("repository acme/app created", &["repository.create"]),
            ),
            (
                "org delete acme",
                Refuses("there are repositories in the namespace `acme`, delete them first"),
            ),
            (
                "repository delete acme/app",
                Does("repository acme/app deleted", &["repository.delete"]),
            ),
            ("org delete dev", Refuses("there is no account `dev`")),
            (
                "org delete acme",
                Does("organisation acme deleted", &["organization.delete"]),
            ),
        ],
    );
}
