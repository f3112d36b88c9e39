//! The pages of accounts, organisations, robots, rights, settings and usage: their rows, and what their owners do there.

use rstest::rstest;
use serde_json::{Value, json};

use super::MARKUP;
use super::driver::{Browser, Setup};
use super::sign_in;
use crate::samples::harmless;
use crate::serve::{PASSWORD, Server, Site};
use crate::wire::push_image;

/// People and rights that say nasty things wherever they may say something.
pub(super) fn seed(server: &Server) {
    let long = "a-robot-whose-name-has-no-place-to-break-it-and-goes-on-and-on";
    let ask = |method: &str, path: &str, body: &Value| {
        let request = server.request(method, path);
        let answer = request
            .header("Content-Type", "application/json")
            .body(body.to_string())
            .send();
        assert!(answer.status < 300, "{method} {path}: {}", answer.text());
    };
    let robot = |name: &str| json!({ "owner": "shop", "name": name, "description": MARKUP });
    ask(
        "POST",
        "/api/v1/users",
        &json!({ "name": "dev", "password": PASSWORD, "email": MARKUP }),
    );
    ask(
        "POST",
        "/api/v1/organizations",
        &json!({ "name": "shop", "email": MARKUP, "owner": "dev" }),
    );
    let teams = "/api/v1/organizations/shop/teams";
    ask(
        "POST",
        teams,
        &json!({ "name": "backend", "role": "member", "description": MARKUP }),
    );
    ask("PUT", &format!("{teams}/backend/members/dev"), &Value::Null);
    ask("POST", "/api/v1/robots", &robot("ci"));
    ask("POST", "/api/v1/robots", &robot(long));
    let namespace = "/api/v1/namespaces/shop";
    let team = json!({ "kind": "team", "name": "shop/backend" });
    let grant = json!({ "pattern": "shop/**", "subject": team, "role": "write" });
    ask("PUT", &format!("{namespace}/permissions"), &grant);
    let default = json!({ "delegate": team, "role": "read" });
    ask(
        "POST",
        &format!("{namespace}/default-permissions"),
        &default,
    );
    let quota = json!({ "limitBytes": 1_000_000, "warnPercent": 80, "refuses": false });
    ask("PUT", "/api/v1/quotas/namespace:shop", &quota);
    let web = "/api/v1/repositories/shop/web/-";
    ask(
        "PATCH",
        web,
        &json!({ "description": format!("{MARKUP} {}", long.repeat(8)) }),
    );
    let robot = json!({ "subject": { "kind": "robot", "name": "shop+ci" }, "role": "write" });
    ask("PUT", &format!("{web}/permissions"), &robot);
    ask(
        "POST",
        "/api/v1/immutability/repository:shop%2Fweb",
        &json!({ "label": MARKUP }),
    );
}

/// Every kind of page about them, by the name of its picture.
pub(super) fn pages() -> Vec<(&'static str, String)> {
    let pages = [
        ("account", "/account"),
        ("account-robots", "/account/robots"),
        ("organisations", "/organisations"),
        ("organisation", "/organisations/shop"),
        ("members", "/organisations/shop/members"),
        ("teams", "/organisations/shop/teams"),
        ("team", "/organisations/shop/teams/backend"),
        ("robots", "/organisations/shop/robots"),
        ("robot", "/organisations/shop/robots/ci"),
        ("permissions", "/organisations/shop/permissions"),
        ("rules", "/organisations/shop/rules"),
        ("rules-system", "/system/rules"),
        ("robots-none-found", "/organisations/shop/robots?q=nothing"),
        ("usage", "/organisations/shop/usage"),
        ("usage-largest", "/organisations/shop/usage?sort=-size"),
        ("usage-system", "/usage"),
        ("settings", "/r/shop/web/-/settings"),
    ];
    pages.map(|(name, path)| (name, path.to_owned())).to_vec()
}

#[rstest]
fn an_owner_makes_a_robot_and_tries_a_policy(#[values(true, false)] scripts: bool) {
    let server = Site::new().start();
    push_image(&server, "admin/web", "build-1", &harmless());
    push_image(
        &server,
        "admin/web",
        "build-2",
        &harmless().on("linux/arm64"),
    );
    let browser = Browser::start(Setup {
        scripts,
        scheme: "light",
    });
    browser.resize(1440);
    sign_in(&browser, &server);
    browser.follow("admin");
    browser.says("No tokens.");
    browser.follow("Robots");
    browser.fill("#name", "ci");
    browser.fill("#repository", "not a name");
    browser.leave_by("button[value=robot]");
    browser.says("Nothing was changed.");
    browser.fill("#repository", "admin/web");
    browser.leave_by("button[value=robot]");
    browser.says("The robot is made, with its first secret");
    let secret = browser.text_of(".once");
    assert!(secret.starts_with("tgr_"), "{secret}");
    browser.follow("Robots");
    browser.hides(&secret);
    browser.says("admin+ci");

    browser.open(&format!("http://{}/r/admin/web/-/about", server.host()));
    browser.follow("Change the settings");
    browser.says("admin+ci");
    browser.fill("#name-0", "builds");
    browser.fill("#last-pushed-0", "1");
    browser.leave_by("button[value=dry-run]");
    browser.says("The policy below would end 1 now");
    browser.says("No policy is in force");
    browser.leave_by("button[value=retention]");
    browser.says("The policy of this repository is in force");
    // The browser remarks on the refused form's 422, and on nothing else.
    let refusal =
        "/account/robots - Failed to load resource: the server responded with a status of 422";
    let mut complaints = browser.complaints();
    complaints.retain(|complaint| !complaint.contains(refusal));
    assert_eq!(complaints, Vec::<String>::new());
}
