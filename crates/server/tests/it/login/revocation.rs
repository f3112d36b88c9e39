//! What becomes of somebody whom the provider no longer vouches for: within the interval of the setting, and not at the
//! next sign-in.

use catalog::Catalog;
use jiff::SignedDuration;
use serde_json::json;
use server::Clock;

use super::browser::Browser;
use super::idp::{Again, Idp};
use super::oidc::{catalog, given, readers_of_payments, sign_in};
use crate::world::{Who, World, eventually, now};

const OFFLINE: &str = "scopes = [\"profile\", \"email\", \"offline_access\"]\nrecheck_minutes = 5";
const PAGE: &str = "/r/payments/api/-/tags";

fn member_of(groups: &[&str]) -> serde_json::Value {
    json!({ "sub": "u-1", "preferred_username": "alice", "groups": groups })
}

/// Alice, in the group that reads, with a session and a token of the registry.
async fn alice(world: &mut World, more: &str) -> (Idp, Catalog, Browser) {
    let idp = given(world, more).await;
    let catalog = catalog(world).await;
    readers_of_payments(world, &catalog).await;
    idp.claims(member_of(&["dev"]));
    let mut browser = Browser::default();
    sign_in(world, &idp, &mut browser).await;
    assert_eq!(browser.get(world, PAGE).await.status, 200);
    (idp, catalog, browser)
}

/// The server's clock stands so much later.
async fn later(world: &mut World, later: SignedDuration) {
    let clock = Clock::Fixed(now() + later);
    world.restart(clock).await;
}

async fn groups(catalog: &Catalog) -> Vec<String> {
    let account = catalog.account_by_name("alice").await.unwrap().unwrap();
    catalog.identities(account.id).await.unwrap()[0]
        .last_groups
        .clone()
}

async fn is_disabled(catalog: &Catalog) -> bool {
    let account = catalog.account_by_name("alice").await.unwrap().unwrap();
    account.disabled_at.is_some()
}

pub(crate) async fn a_provider_is_asked_again_and_groups_follow(world: &mut World) {
    let (idp, catalog, mut browser) = alice(world, OFFLINE).await;
    // Asked once more and nothing has changed: nothing changes here.
    later(world, SignedDuration::from_mins(6)).await;
    eventually(async || (idp.asked("token") == 2).then_some(())).await;
    assert_eq!(browser.get(world, PAGE).await.status, 200);
    // Out of the group, without a sign-in: the right goes, and the session that had it.
    idp.claims(member_of(&["elsewhere"]));
    later(world, SignedDuration::from_mins(12)).await;
    eventually(async || (groups(&catalog).await == ["elsewhere"]).then_some(())).await;
    assert!(!browser.is_known_as(world, "alice").await);
    assert!(!is_disabled(&catalog).await);
    sign_in(world, &idp, &mut browser).await;
    assert_eq!(browser.get(world, PAGE).await.status, 404);
    // A session without a change lives on while the provider vouches, and no longer than any.
    later(world, SignedDuration::from_mins(30)).await;
    assert!(browser.is_known_as(world, "alice").await);
    catalog.close().await;
}

pub(crate) async fn whoever_a_provider_ends_loses_everything_soon(world: &mut World) {
    let (idp, catalog, mut browser) = alice(world, OFFLINE).await;
    let account = catalog.account_by_name("alice").await.unwrap().unwrap();
    let token = crate::matrix::cast::Cast::of(world)
        .await
        .token(&account.principal(), &[], 24)
        .await;
    let bearer = world.token(&token, &["repository:payments/api:pull"]).await;
    let list = "/v2/payments/api/tags/list";
    let opens = async |world: &World, who: &Who| world.get(who, list).await.status == 200;
    assert!(opens(world, &token).await && opens(world, &bearer).await);
    idp.when_asked_again(Again::Refuses);
    later(world, SignedDuration::from_mins(6)).await;
    eventually(async || is_disabled(&catalog).await.then_some(())).await;
    assert!(!browser.is_known_as(world, "alice").await);
    assert!(!opens(world, &token).await && !opens(world, &bearer).await);
    let trail = catalog.list_audit(None, 50).await.unwrap();
    let ended = trail.iter().filter(|row| row.action == "account.disable");
    assert_eq!(ended.count(), 1);
    // Vouched for again, they come back by signing in.
    idp.when_asked_again(Again::Tells);
    sign_in(world, &idp, &mut browser).await;
    assert!(!is_disabled(&catalog).await);
    assert_eq!(browser.get(world, PAGE).await.status, 200);
    catalog.close().await;
}

pub(crate) async fn a_silent_provider_is_believed_for_a_day(world: &mut World) {
    let (idp, catalog, _) = alice(world, OFFLINE).await;
    let ask = async |world: &mut World, again: Again, hours: i64| {
        idp.when_asked_again(again);
        let asked = idp.asked("token");
        later(world, SignedDuration::from_hours(hours)).await;
        eventually(async || (idp.asked("token") > asked).then_some(())).await;
    };
    ask(world, Again::Fails, 22).await;
    assert_eq!(groups(&catalog).await, ["dev"]);
    ask(world, Again::OfSomebodyElse, 23).await;
    assert_eq!(groups(&catalog).await, ["dev"]);
    ask(world, Again::Fails, 25).await;
    eventually(async || groups(&catalog).await.is_empty().then_some(())).await;
    assert!(
        !is_disabled(&catalog).await,
        "it has not said that anybody left"
    );
    catalog.close().await;
}

pub(crate) async fn where_nothing_can_be_asked_a_sign_in_counts_for_a_time(world: &mut World) {
    let (idp, catalog, mut browser) =
        alice(world, "recheck_minutes = 5\nadmin_group = \"ops\"").await;
    idp.claims(member_of(&["dev", "ops"]));
    browser.cookies.clear();
    sign_in(world, &idp, &mut browser).await;
    let superuser = async || {
        let account = catalog.account_by_name("alice").await.unwrap().unwrap();
        account.superuser
    };
    assert!(superuser().await);
    later(world, SignedDuration::from_mins(4)).await;
    assert!(browser.is_known_as(world, "alice").await);
    later(world, SignedDuration::from_mins(6)).await;
    assert!(
        !browser.is_known_as(world, "alice").await,
        "the session ended"
    );
    eventually(async || groups(&catalog).await.is_empty().then_some(())).await;
    eventually(async || (!superuser().await).then_some(())).await;
    assert!(!is_disabled(&catalog).await);
    // The next sign-in brings back what the provider gives then.
    idp.claims(member_of(&["dev"]));
    sign_in(world, &idp, &mut browser).await;
    assert_eq!(browser.get(world, PAGE).await.status, 200);
    assert!(!superuser().await);
    catalog.close().await;
}
