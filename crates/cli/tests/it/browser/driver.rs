//! Chromium through chromedriver, spoken to in its own words.
//!
//! The protocol is JSON over HTTP: [`Browser::command`] is all there is to it, so no client library is needed, and none
//! changes how the program under test is built (a library that turns on `serde_json/preserve_order` would reorder every
//! document that `cargo test` sees).
//!
//! # Source
//! W3C WebDriver; the Chrome DevTools Protocol for what WebDriver has no command for (emulation, whole-page pictures).

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::wire::Request;

/// No page takes longer.
const PATIENCE: Duration = Duration::from_mins(1);

/// The key under which WebDriver hides an element's name.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Keys, as WebDriver calls them.
pub(super) const TAB: &str = "\u{e004}";
pub(super) const ENTER: &str = "\u{e007}";
pub(super) const ESCAPE: &str = "\u{e00c}";

/// How a browser is set up.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) scripts: bool,
    pub(super) scheme: &'static str,
}

/// A browser of its own, with a profile that is thrown away.
pub(super) struct Browser {
    driver: Child,
    host: String,
    session: String,
    profile: tempfile::TempDir,
}

impl Browser {
    pub(super) fn start(setup: Setup) -> Self {
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("cannot run `chromedriver` ({error}): the tests need Debian's packages `chromium` and `chromium-driver` (`apt-get install chromium chromium-driver`)")
            });
        let output = BufReader::new(driver.stdout.take().expect("a pipe"));
        let port = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("successfully on port ")?;
                Some(port.trim_end_matches('.').to_owned())
            })
            .expect("chromedriver says its port");
        let profile = tempfile::tempdir().expect("a folder");
        let mut browser = Self {
            driver,
            host: format!("127.0.0.1:{port}"),
            session: String::new(),
            profile,
        };
        let opened = browser.post(
            "/session",
            &json!({ "capabilities": { "alwaysMatch": browser.capabilities(setup) } }),
        );
        let id = opened["sessionId"].as_str().expect("a session");
        browser.session = format!("/session/{id}");
        browser.devtools(
            "Emulation.setEmulatedMedia",
            &json!({ "features": [{ "name": "prefers-color-scheme", "value": setup.scheme }] }),
        );
        browser
    }

    fn capabilities(&self, setup: Setup) -> Value {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let scripts = if setup.scripts { 1 } else { 2 };
        json!({
            "browserName": "chrome",
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
            "goog:chromeOptions": {
                "args": [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                    "--disable-background-networking", "--disable-component-update", "--disable-sync",
                    "--disable-dev-shm-usage", "--hide-scrollbars", profile,
                ],
                "prefs": { "profile.managed_default_content_settings.javascript": scripts },
            },
        })
    }

    /// Opens an address and waits until it is there.
    #[track_caller]
    pub(super) fn open(&self, address: &str) {
        self.command("POST", "/url", &json!({ "url": address }));
    }

    /// Goes back to the page before.
    #[track_caller]
    pub(super) fn back(&self) {
        self.command("POST", "/back", &json!({}));
    }

    /// Returns the address that is shown.
    #[track_caller]
    pub(super) fn address(&self) -> String {
        let address = self.command("GET", "/url", &Value::Null);
        address.as_str().expect("an address").to_owned()
    }

    /// Returns the title that is shown.
    #[track_caller]
    pub(super) fn title(&self) -> String {
        let title = self.command("GET", "/title", &Value::Null);
        title.as_str().expect("a title").to_owned()
    }

    /// Returns the text of the page as a reader sees it.
    #[track_caller]
    pub(super) fn text(&self) -> String {
        self.text_of("body")
    }

    /// Returns the text of the first element that a selector finds, as a reader sees it.
    #[track_caller]
    pub(super) fn text_of(&self, selector: &str) -> String {
        let element = self.find(selector);
        let text = self.command("GET", &format!("/element/{element}/text"), &Value::Null);
        text.as_str().expect("text").to_owned()
    }

    /// Checks that the page says this.
    #[track_caller]
    pub(super) fn says(&self, text: &str) {
        let page = self.text();
        assert!(
            page.contains(text),
            "no `{text}` at {}:\n{page}",
            self.address()
        );
    }

    /// Checks that the page does not say this.
    #[track_caller]
    pub(super) fn hides(&self, text: &str) {
        let page = self.text();
        assert!(
            !page.contains(text),
            "`{text}` at {}:\n{page}",
            self.address()
        );
    }

    /// Counts the elements that a selector finds.
    #[track_caller]
    pub(super) fn count(&self, selector: &str) -> usize {
        self.find_all(selector).len()
    }

    /// Clicks on an element that stays on the page.
    #[track_caller]
    pub(super) fn click(&self, selector: &str) {
        self.click_on(&self.find(selector));
    }

    /// Clicks on an element that leads to another page, and waits for that.
    #[track_caller]
    pub(super) fn leave_by(&self, selector: &str) {
        self.leave(&self.find(selector));
    }

    /// Follows the link with exactly this text.
    #[track_caller]
    pub(super) fn follow(&self, text: &str) {
        let found = self.command(
            "POST",
            "/element",
            &json!({ "using": "link text", "value": text }),
        );
        self.leave(found[ELEMENT].as_str().expect("a link"));
    }

    /// A page is gone when its root is.
    #[track_caller]
    fn leave(&self, element: &str) {
        let root = format!("{}/element/{}/name", self.session, self.find("html"));
        self.click_on(element);
        let deadline = Instant::now() + PATIENCE;
        while Request::new(&self.host, "GET", &root).send().status == 200 {
            assert!(Instant::now() < deadline, "still at {}", self.address());
            std::thread::yield_now();
        }
    }

    #[track_caller]
    fn click_on(&self, element: &str) {
        self.command("POST", &format!("/element/{element}/click"), &json!({}));
    }

    /// Types into a field, in place of what it holds.
    #[track_caller]
    pub(super) fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        self.command("POST", &format!("/element/{element}/clear"), &json!({}));
        self.command(
            "POST",
            &format!("/element/{element}/value"),
            &json!({ "text": text }),
        );
    }

    /// Sets the width of the page.
    #[track_caller]
    pub(super) fn resize(&self, width: u32) {
        let metrics =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Runs a script in the page and returns what it returns.
    #[track_caller]
    pub(super) fn run(&self, script: &str) -> Value {
        self.command(
            "POST",
            "/execute/sync",
            &json!({ "script": script, "args": [] }),
        )
    }

    /// Presses the tabulator key so many times.
    #[track_caller]
    pub(super) fn press_tab(&self, times: usize) {
        self.press(TAB, times);
    }

    /// Presses a key so many times.
    #[track_caller]
    pub(super) fn press(&self, key: &str, times: usize) {
        let press = ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }));
        let presses: Vec<Value> = (0..times).flat_map(|_| press.clone()).collect();
        let keys = json!({ "type": "key", "id": "keys", "actions": presses });
        self.command("POST", "/actions", &json!({ "actions": [keys] }));
    }

    /// Returns the width of the page's content and of its window.
    #[track_caller]
    pub(super) fn widths(&self) -> (i64, i64) {
        let metrics = self.devtools("Page.getLayoutMetrics", &json!({}));
        let width =
            |of: &str, name: &str| metrics[of][name].as_f64().expect("a width").ceil() as i64;
        (
            width("cssContentSize", "width"),
            width("cssLayoutViewport", "clientWidth"),
        )
    }

    /// Returns a picture of the whole page as PNG.
    #[track_caller]
    pub(super) fn picture(&self) -> Vec<u8> {
        let shot = self.devtools(
            "Page.captureScreenshot",
            &json!({ "captureBeyondViewport": true }),
        );
        STANDARD
            .decode(shot["data"].as_str().expect("a picture"))
            .expect("base64")
    }

    /// Returns what the console said since the last call, without remarks.
    #[track_caller]
    pub(super) fn complaints(&self) -> Vec<String> {
        self.log("browser")
            .into_iter()
            .filter(|entry| matches!(entry["level"].as_str(), Some("SEVERE" | "WARNING")))
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    /// Returns every address that was asked for since the last call, but for the browser's own pages.
    #[track_caller]
    pub(super) fn requested(&self) -> Vec<String> {
        self.log("performance")
            .into_iter()
            .filter_map(|entry| {
                let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
                let is_request = event["message"]["method"] == "Network.requestWillBeSent";
                let address = event["message"]["params"]["request"]["url"].as_str()?;
                let is_own = address.starts_with("chrome:") || address.starts_with("data:");
                (is_request && !is_own).then(|| address.to_owned())
            })
            .collect()
    }

    #[track_caller]
    fn log(&self, kind: &str) -> Vec<Value> {
        let entries = self.command("POST", "/se/log", &json!({ "type": kind }));
        entries.as_array().expect("entries").clone()
    }

    #[track_caller]
    fn find(&self, selector: &str) -> String {
        let mut found = self.find_all(selector);
        assert!(
            !found.is_empty(),
            "no `{selector}` at {}:\n{}",
            self.address(),
            self.text()
        );
        found.swap_remove(0)
    }

    #[track_caller]
    fn find_all(&self, selector: &str) -> Vec<String> {
        let found = self.command(
            "POST",
            "/elements",
            &json!({ "using": "css selector", "value": selector }),
        );
        let names = found.as_array().expect("elements").iter();
        names
            .map(|element| element[ELEMENT].as_str().expect("an element").to_owned())
            .collect()
    }

    #[track_caller]
    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.command(
            "POST",
            "/goog/cdp/execute",
            &json!({ "cmd": command, "params": parameters }),
        )
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        self.send(method, &format!("{}{path}", self.session), body)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.send("POST", path, body)
    }

    #[track_caller]
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let answer = Request::new(&self.host, method, path)
            .header("Content-Type", "application/json")
            .body(body)
            .send();
        let value = answer.json()["value"].take();
        assert_eq!(answer.status, 200, "{method} {path}: {value}");
        value
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Closing the session ends Chromium; only then may its driver go.
        if !self.session.is_empty() {
            drop(Request::new(&self.host, "DELETE", &self.session).send());
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
