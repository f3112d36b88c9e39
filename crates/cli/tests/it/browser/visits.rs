//! What a reader does: signs in, finds an image, learns why it is refused, signs out. With scripts and without.

use rstest::rstest;

use super::driver::{Browser, Setup};
use super::{MARKUP, restore, seeded, sign_in};
use crate::serve::Server;

fn open(server: &Server, browser: &Browser, path: &str) {
    browser.open(&format!("http://{}{path}", server.host()));
}

fn visit(scripts: bool) -> (Server, Browser) {
    let server = seeded();
    let browser = Browser::start(Setup {
        scripts,
        scheme: "light",
    });
    browser.resize(1440);
    (server, browser)
}

#[rstest]
fn a_visitor_signs_in_and_comes_back_to_where_they_wanted_to_go(
    #[values(true, false)] scripts: bool,
) {
    let (server, browser) = visit(scripts);
    open(&server, &browser, "/r/shop/web/-/tags");
    assert!(
        browser.address().contains("/sign-in?return="),
        "{}",
        browser.address()
    );
    browser.fill("#username", "admin");
    browser.fill("#password", "not the password");
    browser.leave_by("form.card button");
    browser.says("Not signed in.");
    browser.fill("#password", crate::serve::PASSWORD);
    browser.leave_by("form.card button");
    assert!(
        browser.address().ends_with("/r/shop/web/-/tags"),
        "{}",
        browser.address()
    );

    browser.leave_by("form.account button");
    assert!(
        browser.address().contains("/sign-in"),
        "{}",
        browser.address()
    );
    open(&server, &browser, "/images");
    assert!(
        browser.address().contains("/sign-in"),
        "{}",
        browser.address()
    );
}

#[rstest]
fn repositories_and_tags_say_grade_verdict_and_counts_in_words(
    #[values(true, false)] scripts: bool,
) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    for repository in [
        "shop/base",
        "shop/broken",
        "shop/hostile",
        "shop/multi",
        "shop/web",
    ] {
        browser.says(repository);
    }
    browser.fill("form.tools #q", "web");
    browser.leave_by("form.tools button");
    browser.says("1 repository with “web”");
    browser.hides("shop/base");

    browser.follow("shop/web");
    let row = browser.text_of("table tbody tr");
    for word in ["stable", "✕ Blocked", "amd64", "fixable"] {
        assert!(row.contains(word), "no `{word}` in: {row}");
    }
    // Two letters stand for two findings of high severity; what the letters mean is said below the table.
    assert!(row.contains("2H"), "{row}");
    assert!(
        !row.contains("as of"),
        "the advisories are the newest: {row}"
    );
    browser.says("H high");
    assert_eq!(browser.count("table .grade"), 2);
    open(&server, &browser, "/r/shop/base/-/tags");
    browser.says("✓ Allowed");
    open(&server, &browser, "/r/shop/broken/-/tags");
    browser.says("? partial");
}

#[rstest]
fn an_image_tells_its_findings_by_the_upgrade_that_removes_them(
    #[values(true, false)] scripts: bool,
) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    open(&server, &browser, "/r/shop/web/-/t/1.0");
    browser.says("✕ Blocked");
    browser.says("No fixable vulnerability that is known to be exploited");
    browser.follow("Vulnerabilities 4");
    assert_eq!(browser.count("details.group"), 4);
    browser.click("details.group summary");
    let group = browser.text_of("details.group");
    for word in ["libssl3", "3.0.14-1~deb12u1", "exploited", "CVE-2024-0001"] {
        assert!(group.contains(word), "no `{word}` in: {group}");
    }
    browser.fill("form[aria-label=Filter] #q", "lodash");
    browser.leave_by("form[aria-label=Filter] button");
    assert!(
        browser.address().contains("q=lodash"),
        "{}",
        browser.address()
    );
    browser.says("CVE-2020-8203");
    assert_eq!(browser.count("details.group"), 1);

    browser.follow("Packages 4");
    for package in ["bash", "libssl3", "requests", "lodash"] {
        browser.says(package);
    }
    browser.follow("Layers");
    browser.says("RUN pip install requests && npm install lodash");
}

#[rstest]
fn a_decision_shows_every_rule_and_what_the_client_saw(#[values(true, false)] scripts: bool) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    open(&server, &browser, "/r/shop/web/-/t/1.0");
    browser.follow("Explain");
    assert!(browser.address().contains("/d/"), "{}", browser.address());
    let verdict = server.verdict("shop/web", "1.0");
    let sentence = verdict["sentence"].as_str().expect("a sentence");
    assert!(browser.text_of("pre.wrap").contains(sentence), "{sentence}");
    browser.click("details.fold summary");
    for rule in ["scanned", "no-known-exploited", "non-root"] {
        browser.says(rule);
    }
}

#[rstest]
fn an_index_leads_to_each_of_its_platforms(#[values(true, false)] scripts: bool) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    open(&server, &browser, "/r/shop/multi/-/t/1.0?tab=packages");
    browser.says("requests");
    browser.leave_by("nav.platforms a:not([aria-current])");
    assert!(
        browser.address().contains("platform=linux/arm64"),
        "{}",
        browser.address()
    );
    browser.hides("requests");
}

#[rstest]
fn a_moved_tag_is_brought_back_from_its_history(#[values(true, false)] scripts: bool) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    open(&server, &browser, "/r/shop/moved/-/tags");
    browser.says("✓ Allowed");
    browser.follow("History");
    browser.fill("#tag", "1.0");
    browser.leave_by("form[aria-label=Filter] button");
    assert!(
        browser.address().ends_with("?tag=1.0"),
        "{}",
        browser.address()
    );
    browser.says("pushed over");
    browser.leave_by("table a[href*=restore]");
    assert!(
        browser.address().ends_with(&restore()),
        "{}",
        browser.address()
    );
    browser.leave_by("form.ask button");
    assert!(
        browser.address().ends_with("/-/history?tag=1.0"),
        "{}",
        browser.address()
    );
    browser.says("brought back");
    browser.follow("Tags");
    browser.says("✕ Blocked");
}

#[rstest]
fn tags_are_filtered_and_sorted_and_the_way_back_leads_there(#[values(true, false)] scripts: bool) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    open(&server, &browser, "/r/shop/web/-/tags");
    browser.fill("form[aria-label=Filter] #q", "stable");
    browser.leave_by("form[aria-label=Filter] button");
    assert_eq!(browser.count("table th[scope=row]"), 1);
    browser.follow("Size");
    let sorted = browser.address();
    assert!(
        sorted.contains("q=stable") && sorted.contains("sort="),
        "{sorted}"
    );
    assert_eq!(browser.count("th[aria-sort]"), 1);
    browser.follow("stable");
    browser.back();
    assert_eq!(browser.address(), sorted);
    browser.says("1 tag");
}

#[rstest]
fn collection_is_paused_and_goes_on(#[values(true, false)] scripts: bool) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    browser.follow("System");
    browser.says("✓ on");
    for (word, said) in [("pause", "! paused"), ("resume", "✓ on")] {
        browser.leave_by(&format!("button[value={word}]"));
        browser.says(said);
        browser.says("✓ Done.");
    }
    browser.follow("Audit");
    browser.says("collection.steer");
    for tab in ["Jobs", "Webhooks", "Upstreams"] {
        browser.follow("System");
        browser.follow(tab);
        assert_eq!(browser.text_of(".tabs [aria-current]"), tab);
    }
}

#[rstest]
fn what_an_image_says_about_itself_is_text(#[values(true, false)] scripts: bool) {
    let (server, browser) = visit(scripts);
    sign_in(&browser, &server);
    for tab in ["", "?tab=packages", "?tab=layers", "?tab=vulnerabilities"] {
        open(&server, &browser, &format!("/r/shop/hostile/-/t/1.0{tab}"));
        assert_eq!(browser.count("main script, main img"), 0, "{tab}");
        assert_ne!(browser.title(), "owned", "{tab}");
    }
    open(&server, &browser, "/r/shop/hostile/-/t/1.0?tab=packages");
    browser.says(MARKUP);
}
