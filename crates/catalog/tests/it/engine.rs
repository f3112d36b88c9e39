//! What only one engine does, and what only its connection can do wrong.

use catalog::Catalog;
use catalog::testkit::{Sqlite, undo_a_transaction};

use crate::given::account;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_that_the_engine_undid_by_itself_spoils_no_other() {
    let files = Sqlite::new();
    let catalog = Catalog::connect(&files.url()).await.unwrap();
    for name in ["first", "second"] {
        undo_a_transaction(&catalog).await;
        account(&catalog, name).await;
    }
    catalog.close().await;
}
