//! Addresses: the one place that knows how a page is reached.
//!
//! A repository name contains slashes and can never have `-` alone as a component, so `/-/` ends it. [`Route`] writes
//! and reads paths; [`Query`] adds parameters. The server routes by `Route::parse` on the still encoded path.
//!
//! Adding an address: a variant, a line in `Display`, a line in `parse`, a case in the round-trip test.

use std::fmt;

use oci::{Digest, RepositoryName, Tag};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::homes::{Home, HomeView};

/// Everything but the characters that mean themselves in a path segment (RFC 3986, `unreserved` and `:` `@`).
pub(crate) const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b':')
    .remove(b'@');

/// The same for a query, where `/` is common and allowed.
const QUERY: &AsciiSet = &SEGMENT.remove(b'/');

/// A page or a form's target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/`
    Overview,
    /// `/images`
    Images,
    /// `/r/{repository}/-/tags`
    Tags(RepositoryName),
    /// `/r/{repository}/-/history`
    History(RepositoryName),
    /// `/r/{repository}/-/restore`: the question, and the target of its POST.
    Restore(RepositoryName),
    /// `/r/{repository}/-/about`
    About(RepositoryName),
    /// `/r/{repository}/-/t/{tag}`
    ImageByTag(RepositoryName, Tag),
    /// `/r/{repository}/-/m/{digest}`
    ImageByDigest(RepositoryName, Digest),
    /// `/d/{id}`
    Decision(String),
    /// `/feeds`
    Feeds,
    /// `/audit`, and the target of its exports.
    Audit,
    /// `/system`, and the target of its forms; so are the four below it.
    System,
    /// `/system/jobs`
    Jobs,
    /// `/system/rules`, and the target of its forms.
    SystemRules,
    /// `/system/webhooks`
    Webhooks,
    /// `/system/webhooks/{id}`
    Webhook(i64),
    /// `/system/upstreams`
    Upstreams,
    /// `/r/{repository}/-/settings`, and the target of its forms.
    Settings(RepositoryName),
    /// `/organisations`, and the target of its form.
    Organisations,
    /// `/usage`: what everybody uses, and the target of its forms.
    Usage,
    /// `/account`, `/organisations/{name}` and what is below them; most of them are the targets of their forms too.
    Home(Home, HomeView),
    /// `/sign-in`: the form, and the target of its POST.
    SignIn,
    /// `/sign-in/{id}`: leads to a provider of identities.
    SignInWith(String),
    /// `/sign-in/{id}/callback`: where the provider sends the browser back to.
    SignInReturn(String),
    /// `/sign-out`: POST only.
    SignOut,
    /// `/assets/{name}`
    Asset(String),
}

impl Route {
    /// Reads the path of a request, percent-encoded as it came, without query. `None` is a page that does not exist.
    ///
    /// Only the canonical spelling is read: no trailing slash, no empty component.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix('/')?;
        if let Some(rest) = rest.strip_prefix("r/") {
            return Self::parse_repository(rest);
        }
        match rest.split_once('/') {
            None => match rest {
                "" => Some(Self::Overview),
                "images" => Some(Self::Images),
                "feeds" => Some(Self::Feeds),
                "audit" => Some(Self::Audit),
                "system" => Some(Self::System),
                "account" => Some(Self::Home(Home::Account, HomeView::Front)),
                "organisations" => Some(Self::Organisations),
                "usage" => Some(Self::Usage),
                "sign-in" => Some(Self::SignIn),
                "sign-out" => Some(Self::SignOut),
                _ => None,
            },
            Some(("sign-in", rest)) => match rest.split_once('/') {
                None => decode(rest).map(Self::SignInWith),
                Some((id, "callback")) => decode(id).map(Self::SignInReturn),
                Some(_) => None,
            },
            Some(("system", rest)) => match rest.split_once('/') {
                None => match rest {
                    "jobs" => Some(Self::Jobs),
                    "rules" => Some(Self::SystemRules),
                    "webhooks" => Some(Self::Webhooks),
                    "upstreams" => Some(Self::Upstreams),
                    _ => None,
                },
                Some(("webhooks", id)) => number(id).map(Self::Webhook),
                Some(_) => None,
            },
            Some(("account", rest)) => Home::Account.parse(rest),
            Some(("organisations", rest)) => match rest.split_once('/') {
                None => Some(Home::Organisation(decode(rest)?).at(HomeView::Front)),
                Some((name, rest)) => Home::Organisation(decode(name)?).parse(rest),
            },
            Some(("d", id)) => decode(id).map(Self::Decision),
            Some(("assets", name)) => decode(name).map(Self::Asset),
            Some(_) => None,
        }
    }

    fn parse_repository(rest: &str) -> Option<Self> {
        let (name, view) = rest.split_once("/-/")?;
        // A name is written without encoding; one with `%` in it is not a name and is refused here.
        let name: RepositoryName = name.parse().ok()?;
        match view.split_once('/') {
            None => match view {
                "tags" => Some(Self::Tags(name)),
                "history" => Some(Self::History(name)),
                "restore" => Some(Self::Restore(name)),
                "about" => Some(Self::About(name)),
                "settings" => Some(Self::Settings(name)),
                _ => None,
            },
            Some(("t", tag)) => Some(Self::ImageByTag(name, decode(tag)?.parse().ok()?)),
            Some(("m", digest)) => Some(Self::ImageByDigest(name, decode(digest)?.parse().ok()?)),
            _ => None,
        }
    }

    /// Adds the first parameter.
    pub fn with(self, name: &str, value: &str) -> Query {
        Query {
            text: self.to_string(),
            is_empty: true,
        }
        .with(name, value)
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overview => f.write_str("/"),
            Self::Images => f.write_str("/images"),
            Self::Tags(name) => write!(f, "/r/{name}/-/tags"),
            Self::History(name) => write!(f, "/r/{name}/-/history"),
            Self::Restore(name) => write!(f, "/r/{name}/-/restore"),
            Self::About(name) => write!(f, "/r/{name}/-/about"),
            Self::ImageByTag(name, tag) => write!(f, "/r/{name}/-/t/{tag}"),
            Self::ImageByDigest(name, digest) => write!(f, "/r/{name}/-/m/{digest}"),
            Self::Decision(id) => write!(f, "/d/{}", utf8_percent_encode(id, SEGMENT)),
            Self::Feeds => f.write_str("/feeds"),
            Self::Audit => f.write_str("/audit"),
            Self::System => f.write_str("/system"),
            Self::Jobs => f.write_str("/system/jobs"),
            Self::SystemRules => f.write_str("/system/rules"),
            Self::Webhooks => f.write_str("/system/webhooks"),
            Self::Webhook(id) => write!(f, "/system/webhooks/{id}"),
            Self::Upstreams => f.write_str("/system/upstreams"),
            Self::Settings(name) => write!(f, "/r/{name}/-/settings"),
            Self::Organisations => f.write_str("/organisations"),
            Self::Usage => f.write_str("/usage"),
            Self::Home(home, view) => home.write(view, f),
            Self::SignIn => f.write_str("/sign-in"),
            Self::SignInWith(id) => write!(f, "/sign-in/{}", utf8_percent_encode(id, SEGMENT)),
            Self::SignInReturn(id) => {
                write!(f, "/sign-in/{}/callback", utf8_percent_encode(id, SEGMENT))
            }
            Self::SignOut => f.write_str("/sign-out"),
            Self::Asset(name) => write!(f, "/assets/{}", utf8_percent_encode(name, SEGMENT)),
        }
    }
}

/// An address with parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    text: String,
    is_empty: bool,
}

impl Query {
    /// Adds a parameter. An empty value is left out, so that default views have short addresses.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        if value.is_empty() {
            return self;
        }
        self.text.push(if self.is_empty { '?' } else { '&' });
        self.is_empty = false;
        self.text.extend(utf8_percent_encode(name, QUERY));
        self.text.push('=');
        self.text.extend(utf8_percent_encode(value, QUERY));
        self
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns the address to go to after signing in: `address` if it stays on this site, else the overview.
///
/// A browser reads `//host` and `/\host` as another host and drops tabs and line breaks before it does, so only
/// printable ASCII after a single slash is accepted.
pub fn local_return(address: &str) -> &str {
    let mut bytes = address.bytes();
    let starts_here = bytes.next() == Some(b'/') && !matches!(bytes.next(), Some(b'/' | b'\\'));
    if starts_here && address.bytes().all(|byte| byte.is_ascii_graphic()) {
        address
    } else {
        "/"
    }
}

/// Reads the number of a thing, in the one way it is written.
fn number(segment: &str) -> Option<i64> {
    let number: i64 = segment.parse().ok()?;
    (number > 0 && number.to_string() == segment).then_some(number)
}

pub(crate) fn decode(segment: &str) -> Option<String> {
    if segment.is_empty() || segment.contains('/') {
        return None;
    }
    let text = percent_decode_str(segment).decode_utf8().ok()?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn repository() -> RepositoryName {
        "payments/backend/api".parse().unwrap()
    }

    #[test]
    fn every_route_reads_what_it_writes() {
        let digest = Digest::sha256(b"manifest");
        let routes = [
            Route::Overview,
            Route::Images,
            Route::Tags(repository()),
            Route::ImageByTag(repository(), "2.3.7".parse().unwrap()),
            Route::ImageByDigest(repository(), digest),
            Route::Decision("01JD9K/ ?#ü".to_owned()),
            Route::Feeds,
            Route::History(repository()),
            Route::Restore(repository()),
            Route::About(repository()),
            Route::Audit,
            Route::System,
            Route::Jobs,
            Route::Webhooks,
            Route::Webhook(7),
            Route::Upstreams,
            Home::Account.at(HomeView::Front),
            Home::Account.at(HomeView::Robots),
            Home::Account.at(HomeView::Robot("c/i ü".to_owned())),
            Home::Account.at(HomeView::Grants),
            Home::Account.at(HomeView::Usage),
            Home::Account.at(HomeView::Rules),
            Home::Organisation("acme".to_owned()).at(HomeView::Rules),
            Route::SystemRules,
            Home::Organisation("a/b".to_owned()).at(HomeView::Front),
            Home::Organisation("acme".to_owned()).at(HomeView::Members),
            Home::Organisation("acme".to_owned()).at(HomeView::Teams),
            Home::Organisation("acme".to_owned()).at(HomeView::Team("a/b".to_owned())),
            Home::Organisation("acme".to_owned()).at(HomeView::Robot("ci".to_owned())),
            Route::Organisations,
            Route::Usage,
            Route::Settings(repository()),
            Route::SignIn,
            Route::SignInWith("a sso".to_owned()),
            Route::SignInReturn("callback".to_owned()),
            Route::SignOut,
            Route::Asset("app-0123.css".to_owned()),
        ];
        for route in routes {
            assert_eq!(Route::parse(&route.to_string()), Some(route));
        }
    }

    #[rstest]
    #[case("")]
    #[case("images")]
    #[case("/images/")]
    #[case("/r/payments/api")]
    #[case("/r/payments/api/-/")]
    #[case("/r/payments/api/-/tags/")]
    #[case("/r/../etc/-/tags")]
    #[case("/r/Payments/-/tags")]
    #[case("/r/a%2Fb/-/tags")]
    #[case("/r/a/-/t/")]
    #[case("/r/a/-/t/x/y")]
    #[case("/r/a/-/t/%2e%2e")]
    #[case("/r/a/-/m/sha256:00")]
    #[case("/d/")]
    #[case("/system/")]
    #[case("/system/jobs/1")]
    #[case("/system/webhooks/")]
    #[case("/system/webhooks/07")]
    #[case("/system/webhooks/-7")]
    #[case("/account/")]
    #[case("/account/robots/")]
    #[case("/account/robots/a/b")]
    #[case("/account/teams")]
    #[case("/account/members")]
    #[case("/organisations/")]
    #[case("/organisations/acme/")]
    #[case("/organisations/acme/teams/a/b")]
    #[case("/r/a/-/settings/x")]
    #[case("/r/a/-/history/x")]
    #[case("/audit/")]
    #[case("/sign-in/")]
    #[case("/sign-in/sso/")]
    #[case("/sign-in/sso/other")]
    #[case("/sign-in/sso/callback/")]
    #[case("/sign-in//callback")]
    #[case("/d/%ff")]
    fn other_paths_are_no_page(#[case] path: &str) {
        assert_eq!(Route::parse(path), None);
    }

    #[test]
    fn parameters_are_encoded_and_empty_ones_left_out() {
        let address = Route::Images
            .with("q", "")
            .with("a", "x&y=\"<ü>")
            .with("b", "c/d");
        assert_eq!(
            address.to_string(),
            "/images?a=x%26y%3D%22%3C%C3%BC%3E&b=c/d"
        );
    }

    #[rstest]
    #[case("/r/a/-/tags?q=1", "/r/a/-/tags?q=1")]
    #[case("/", "/")]
    #[case("", "/")]
    #[case("https://evil.example", "/")]
    #[case("//evil.example", "/")]
    #[case("/\\evil.example", "/")]
    #[case("/\t/evil.example", "/")]
    #[case("/\u{202e}", "/")]
    fn signing_in_never_leads_to_another_site(#[case] address: &str, #[case] target: &str) {
        assert_eq!(local_return(address), target);
    }
}
