//! Refused sign-ins are counted where they happened, and forgotten in time.

use catalog::{Actor, Catalog, LoginMemory};
use jiff::{SignedDuration, Timestamp};

const MEMORY: LoginMemory = LoginMemory {
    pair: SignedDuration::from_mins(10),
    account: SignedDuration::from_mins(60),
    address: SignedDuration::from_mins(30),
};

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1_000_000 + minutes)
}

async fn refuse(catalog: &Catalog, account: &str, address: &str, minutes: i64) -> [u32; 3] {
    let detail =
        |counts: &catalog::LoginFailures| counts.pair.map(|pair| pair.failures.to_string());
    let by = Actor::named("anonymous");
    catalog
        .count_login_failure(account, address, &MEMORY, detail, &by, at(minutes))
        .await
        .unwrap();
    counts(catalog, account, address, minutes).await
}

async fn counts(catalog: &Catalog, account: &str, address: &str, minutes: i64) -> [u32; 3] {
    let known = catalog
        .login_failures(account, address, at(minutes))
        .await
        .unwrap();
    [known.pair, known.account, known.address].map(|tally| tally.map_or(0, |tally| tally.failures))
}

pub(crate) async fn a_refusal_counts_for_the_pair_the_account_and_the_address(catalog: Catalog) {
    assert_eq!(refuse(&catalog, "dev", "192.0.2.1", 0).await, [1, 1, 1]);
    assert_eq!(refuse(&catalog, "dev", "192.0.2.1", 0).await, [2, 2, 2]);
    assert_eq!(refuse(&catalog, "dev", "192.0.2.2", 0).await, [1, 3, 1]);
    assert_eq!(refuse(&catalog, "nobody", "192.0.2.1", 0).await, [1, 1, 3]);
    assert_eq!(counts(&catalog, "other", "192.0.2.9", 0).await, [0, 0, 0]);

    let trail = catalog.list_audit(None, 10).await.unwrap();
    assert_eq!(trail.len(), 4, "one entry for each refusal");
    assert_eq!(trail[2].action, "login.failure");
    assert_eq!(trail[2].target.as_deref(), Some("dev"));
    assert_eq!(trail[2].detail.as_deref(), Some("2"));
}

pub(crate) async fn counts_of_refusals_run_out(catalog: Catalog) {
    refuse(&catalog, "dev", "192.0.2.1", 0).await;
    assert_eq!(refuse(&catalog, "dev", "192.0.2.1", 9).await, [2, 2, 2]);
    // The pair's time begins again with each refusal, the others' does not.
    assert_eq!(counts(&catalog, "dev", "192.0.2.1", 18).await, [2, 2, 2]);
    assert_eq!(counts(&catalog, "dev", "192.0.2.1", 19).await, [0, 2, 2]);
    assert_eq!(refuse(&catalog, "dev", "192.0.2.1", 29).await, [1, 3, 3]);
    assert_eq!(refuse(&catalog, "dev", "192.0.2.1", 30).await, [2, 4, 1]);
    assert_eq!(refuse(&catalog, "dev", "192.0.2.1", 60).await, [1, 1, 1]);

    assert_eq!(
        catalog.delete_expired_login_failures(at(70)).await.unwrap(),
        1
    );
    assert_eq!(
        catalog
            .delete_expired_login_failures(at(500))
            .await
            .unwrap(),
        2
    );
}

pub(crate) async fn a_sign_in_forgets_the_pair_and_a_new_password_the_account(catalog: Catalog) {
    let account = crate::given::account(&catalog, "dev").await;
    refuse(&catalog, "dev", "192.0.2.1", 0).await;
    refuse(&catalog, "dev", "192.0.2.2", 0).await;
    catalog
        .forget_login_failures("dev", "192.0.2.1")
        .await
        .unwrap();
    assert_eq!(counts(&catalog, "dev", "192.0.2.1", 0).await, [0, 2, 1]);
    assert_eq!(counts(&catalog, "dev", "192.0.2.2", 0).await, [1, 2, 1]);
    catalog
        .set_password(account.id, "hash", &Actor::named("admin"), at(0))
        .await
        .unwrap();
    assert_eq!(counts(&catalog, "dev", "192.0.2.2", 0).await, [0, 0, 1]);
}

pub(crate) async fn refusals_at_once_are_all_counted(catalog: Catalog) {
    let tasks: Vec<_> = (0..24)
        .map(|n| {
            let catalog = catalog.clone();
            tokio::spawn(async move {
                let address = ["192.0.2.1", "192.0.2.2"][n % 2];
                let account = ["dev", "ops", "qa"][n % 3];
                refuse(&catalog, account, address, 0).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(counts(&catalog, "dev", "192.0.2.1", 0).await, [4, 8, 12]);
    assert_eq!(counts(&catalog, "qa", "192.0.2.2", 0).await, [4, 8, 12]);
}
