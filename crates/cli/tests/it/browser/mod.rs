//! The pages in a real browser: Debian's Chromium.
//!
//! Every page is looked at with scripts on and off, light and dark, wide and narrow: nothing may stick out sideways, the
//! console stays silent, and no other host is asked for anything. With `SCREENSHOTS_DIR` set, pictures of all of them
//! are kept there for people.
//!
//! Adding a page: a row in [`pages`]; what a reader does on it goes into `visits`.

mod access;
mod driver;
mod people;
mod visits;

use image::testkit::{TarBuilder, TestImage, TestLayer};
use oci::media_type;
use rstest::rstest;
use serde_json::json;

use crate::samples::{FEEDS, application, harmless, index_of, policy};
use crate::serve::{PASSWORD, Server, Site};
use crate::wire::{Request, push_image, push_manifest};
use driver::{Browser, Setup};

/// A server with one image of each sort.
fn seeded() -> Server {
    let server = Site::new()
        .with_policy(&policy("enforce"))
        .with_advisories(FEEDS)
        .start();
    push_image(&server, "shop/web", "1.0", &application());
    push_image(&server, "shop/web", "stable", &application());
    push_image(&server, "shop/base", "2.0", &harmless());
    push_image(&server, "shop/broken", "1.0", &partial());
    push_image(&server, "shop/hostile", "1.0", &hostile());
    let (amd64, arm64) = (
        application().on("linux/amd64"),
        harmless().on("linux/arm64"),
    );
    for image in [&amd64, &arm64] {
        let digest = oci::Digest::sha256(&image.manifest());
        push_image(&server, "shop/multi", digest.as_str(), image);
    }
    let index = index_of(&[&amd64, &arm64]);
    push_manifest(&server, "shop/multi", "1.0", media_type::OCI_INDEX, &index);
    push_image(&server, "shop/moved", "1.0", &application());
    push_image(&server, "shop/moved", "1.0", &harmless());
    for (path, body) in settings() {
        Request::new(server.host(), "POST", path)
            .by("admin", PASSWORD)
            .header("Content-Type", "application/json")
            .body(body.to_string())
            .send()
            .expect(201);
    }
    for (repository, tag) in [
        ("shop/web", "1.0"),
        ("shop/base", "2.0"),
        ("shop/multi", "1.0"),
    ] {
        server.verdict(repository, tag);
    }
    people::seed(&server);
    server
}

/// What an administrator sets up: whom to tell, and what to copy. Nobody is told or asked anything by it.
fn settings() -> [(&'static str, serde_json::Value); 4] {
    let long = format!("<b>{}", "long name ".repeat(8));
    [
        (
            "/api/v1/webhooks",
            json!({ "name": "ci", "url": "https://ci.example.com/hook", "events": ["quota"], "repositories": ["shop/**"] }),
        ),
        (
            "/api/v1/webhooks",
            json!({ "name": long, "url": "https://chat.example.com/", "format": "slack", "namespace": "shop", "events": ["quota"] }),
        ),
        (
            "/api/v1/upstreams",
            json!({ "name": "hub", "url": "https://registry.example.com", "namespace": "hub" }),
        ),
        (
            "/api/v1/mirrors",
            json!({ "repository": "copies/debian", "upstream": "hub", "source": "library/debian", "cron": "0 3 1 1 *" }),
        ),
    ]
}

/// An image whose last layer ends too early, under the digest of what there is of it.
fn partial() -> TestImage {
    let mut image = application();
    let layer = &mut image.layers[1].bytes;
    layer.truncate(layer.len() / 2);
    image
}

/// What would run, or break out of its place, if any page took it for markup.
const MARKUP: &str =
    "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">";

/// An image that says nasty things wherever it may say something.
fn hostile() -> TestImage {
    let long = "a-name-without-any-place-to-break-it".repeat(8);
    let package = |name: &str, version: &str| {
        json!({ "name": name, "version": version, "license": MARKUP }).to_string()
    };
    let tar = TarBuilder::new()
        .file(
            "usr/lib/os-release",
            "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian <b>12</b>\"\n",
        )
        .file("srv/a/node_modules/x/package.json", package("x", MARKUP))
        .file(
            "srv/b/node_modules/y/package.json",
            package(&long, &"1.".repeat(100)),
        )
        .file(
            "srv/c/node_modules/z/package.json",
            package("\u{202e}gpj.exe", "1.0.0"),
        )
        .file(
            "usr/lib/python3/site-packages/z.dist-info/METADATA",
            format!("Metadata-Version: 2.1\nName: z\nVersion: 1\nLicense: {MARKUP}\n\n"),
        )
        .finish();
    let mut image = TestImage::new(vec![TestLayer::gzip(&tar)]);
    image.process = json!({ "User": MARKUP, "Labels": { MARKUP: MARKUP, long.as_str(): long } });
    image.history = json!([{ "created_by": format!("RUN {MARKUP} {long}") }]);
    image
}

/// Every kind of page, by the name of its picture.
fn pages(server: &Server) -> Vec<(&'static str, String)> {
    let decision = |repository: &str| {
        let verdict = server.verdict(repository, "1.0");
        let url = verdict["verdict"]["url"].as_str().expect("a decision");
        url.trim_start_matches(&format!("http://{}", server.host()))
            .to_owned()
    };
    let page = |path: &str| path.to_owned();
    let mut pages = vec![
        ("repositories", page("/images")),
        ("repositories-none", page("/images?q=nothing-like-this")),
        ("tags", page("/r/shop/web/-/tags")),
        ("tags-filtered", page("/r/shop/web/-/tags?q=1&sort=-size")),
        ("tags-none", page("/r/shop/web/-/tags?q=nothing-like-this")),
        ("tags-index", page("/r/shop/multi/-/tags")),
        ("tags-past", page("/r/shop/web/-/tags?as_of=2100-01-01")),
        ("tags-before", page("/r/shop/web/-/tags?as_of=2001-01-01")),
        ("tags-no-date", page("/r/shop/web/-/tags?as_of=yesterday")),
        ("history", page("/r/shop/moved/-/history")),
        ("history-none", page("/r/shop/web/-/history?tag=nothing")),
        ("restore", restore()),
        ("about", page("/r/shop/web/-/about")),
        ("image", page("/r/shop/web/-/t/1.0")),
        (
            "image-vulnerabilities",
            page("/r/shop/web/-/t/1.0?tab=vulnerabilities"),
        ),
        ("image-packages", page("/r/shop/web/-/t/1.0?tab=packages")),
        ("image-layers", page("/r/shop/web/-/t/1.0?tab=layers")),
        ("image-allowed", page("/r/shop/base/-/t/2.0")),
        ("image-index", page("/r/shop/multi/-/t/1.0")),
        ("image-partial", page("/r/shop/broken/-/t/1.0")),
        ("hostile", page("/r/shop/hostile/-/t/1.0")),
        (
            "hostile-packages",
            page("/r/shop/hostile/-/t/1.0?tab=packages"),
        ),
        ("hostile-layers", page("/r/shop/hostile/-/t/1.0?tab=layers")),
        ("decision", decision("shop/web")),
        ("decision-index", decision("shop/multi")),
        ("feeds", page("/feeds")),
        ("audit", page("/audit")),
        ("audit-filtered", page("/audit?action=tag.move&actor=admin")),
        ("audit-no-date", page("/audit?from=yesterday")),
        ("system", page("/system")),
        ("system-jobs", page("/system/jobs")),
        ("system-jobs-waiting", page("/system/jobs?state=ready")),
        ("system-webhooks", page("/system/webhooks")),
        ("system-webhook", page("/system/webhooks/1")),
        (
            "system-webhook-hostile",
            page("/system/webhooks/2?state=dead"),
        ),
        ("system-upstreams", page("/system/upstreams")),
    ];
    pages.extend(people::pages());
    pages
}

/// The question whether a moved tag shall lead back to where it led.
fn restore() -> String {
    let digest = oci::Digest::sha256(&application().manifest());
    format!("/r/shop/moved/-/restore?tag=1.0&digest={digest}")
}

/// Signs in as the administrator.
fn sign_in(browser: &Browser, server: &Server) {
    browser.open(&format!("http://{}/sign-in", server.host()));
    browser.fill("#username", "admin");
    browser.fill("#password", PASSWORD);
    browser.leave_by("form.card button");
    assert_eq!(browser.address(), format!("http://{}/", server.host()));
}

/// Keeps a picture for people, if they asked for it.
#[expect(
    clippy::disallowed_methods,
    reason = "a picture for people; nobody reads it after a crash"
)]
fn keep_picture(browser: &Browser, setup: Setup, width: u32, page: &str) {
    let Some(folder) = std::env::var_os("SCREENSHOTS_DIR") else {
        return;
    };
    // The same page looks the same without scripts; one picture is enough.
    if setup.scripts {
        fs_err::create_dir_all(&folder).expect("a folder");
        let name = format!("{page}-{}-{width}.png", setup.scheme);
        fs_err::write(std::path::Path::new(&folder).join(name), browser.picture())
            .expect("written");
    }
}

#[rstest]
#[case::light(Setup { scripts: true, scheme: "light" })]
#[case::dark(Setup { scripts: true, scheme: "dark" })]
#[case::light_without_scripts(Setup { scripts: false, scheme: "light" })]
#[case::dark_without_scripts(Setup { scripts: false, scheme: "dark" })]
fn every_page_fits_is_silent_and_asks_nobody_else(#[case] setup: Setup) {
    let server = seeded();
    let browser = Browser::start(setup);
    let look = |page: &str| {
        for width in [1440, 820, 360] {
            browser.resize(width);
            let (content, window) = browser.widths();
            assert_eq!(window, i64::from(width));
            keep_picture(&browser, setup, width, page);
            assert!(
                content <= window,
                "{page} is {content} wide in a window of {window}"
            );
        }
        assert_eq!(browser.complaints(), Vec::<String>::new(), "{page}");
        assert_ne!(browser.title(), "owned", "{page}");
    };
    browser.open(&format!("http://{}/sign-in", server.host()));
    look("sign-in");
    sign_in(&browser, &server);
    for (page, path) in pages(&server) {
        browser.open(&format!("http://{}{path}", server.host()));
        look(page);
    }
    let site = format!("http://{}/", server.host());
    let requested = browser.requested();
    assert!(requested.len() > 20, "{requested:?}");
    let elsewhere: Vec<_> = requested
        .iter()
        .filter(|address| !address.starts_with(&site))
        .collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
}
