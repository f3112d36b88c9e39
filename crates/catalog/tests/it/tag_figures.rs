//! Figures that are kept beside tags are those that counting gives, whatever happened and however late it is folded.

use ::evidence::Grade;
use catalog::{
    Catalog, Principal, Referenced, RepositoryFigures, RepositoryId, TagListing, TagOrder, TagRow,
    VerdictCounts,
};
use jiff::Timestamp;

use crate::evidence::{decision, report};
use crate::given::{app, at, by, digest_of, image, pushed_image, repository, tag, tags};

const GRADES: [Grade; 4] = [Grade::A, Grade::C, Grade::F, Grade::Unknown];
const VERDICTS: [&str; 4] = ["allow", "warn", "deny", "pending"];

/// Numbers that follow from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Counts what a repository's figures say from the rows themselves.
fn counted(rows: &[TagRow]) -> RepositoryFigures {
    let mut verdicts = VerdictCounts::default();
    for row in rows {
        match row.verdict.as_deref() {
            Some("allow") => verdicts.allow += 1,
            Some("warn") => verdicts.warn += 1,
            Some("deny") => verdicts.deny += 1,
            _ => verdicts.pending += 1,
        }
    }
    RepositoryFigures {
        tag_count: rows.len() as u64,
        last_push: rows.iter().map(|row| row.pushed_at).max(),
        worst_grade: rows.iter().filter_map(|row| row.grade).max(),
        verdicts,
    }
}

async fn check(catalog: &Catalog, ids: &[RepositoryId], now: Timestamp) {
    let figures = catalog.repository_figures(ids, now).await.unwrap();
    for id in ids {
        let mut rows = catalog.tag_rows(*id, "", None, 100, now).await.unwrap();
        assert_eq!(figures[id], counted(&rows), "{id:?} {rows:#?}");
        let listing = TagListing {
            order: TagOrder::Largest,
            limit: 100,
            ..TagListing::default()
        };
        let (page, _) = catalog.tag_page(*id, &listing, now).await.unwrap();
        rows.sort_by_key(|row| std::cmp::Reverse((row.size_bytes, row.tag.to_string())));
        assert_eq!(page, rows, "{id:?}");
    }
}

/// Pushes, retags, deletes, judges or grades something.
async fn change(catalog: &Catalog, ids: &[RepositoryId], dev: &Principal, dice: &mut Dice) {
    let id = dice.of(ids);
    let config = dice.of(&["[1]", "[22]", "[333]", "[4444]"]);
    let digest = digest_of(&image(config, &["a layer"], ""));
    let name = dice.of(&["a", "b", "c", "d"]);
    let minute = dice.below(60) as i64;
    match dice.below(7) {
        0 => {
            catalog
                .put_decision(&decision(id, &digest, dice.of(&VERDICTS)), at(minute))
                .await
                .unwrap();
        }
        1 => {
            let report = report(&digest, name, dice.of(&GRADES));
            catalog.put_image_report(&report, at(minute)).await.unwrap();
        }
        2 => {
            catalog
                .delete_tag(id, &tag(name), &by("dev"), at(minute))
                .await
                .unwrap();
        }
        3 => {
            catalog
                .delete_manifest(id, &digest, Referenced::Refuse, &by("dev"), at(minute))
                .await
                .unwrap();
        }
        4 => {
            let end = Some(at(60 + minute));
            catalog
                .set_tag_expiry(id, &tag(name), end, &by("dev"), at(minute))
                .await
                .unwrap();
        }
        _ => {
            pushed_image(catalog, id, dev, config, &tags(&[name]), minute).await;
        }
    }
}

pub(crate) async fn figures_are_those_of_the_rows(catalog: Catalog) {
    let (dev, first) = app(&catalog).await;
    let ids = [first, repository(&catalog, "team/other", &dev).await.id];
    let mut dice = Dice(7);
    for step in 0..120 {
        change(&catalog, &ids, &dev, &mut dice).await;
        if step % 5 == 0 {
            check(&catalog, &ids, at(60 + dice.below(60) as i64)).await;
        }
        if step % 50 == 49 {
            catalog
                .close_expired_tags(100, &by("system"), at(90))
                .await
                .unwrap();
        }
    }
    check(&catalog, &ids, at(120)).await;
    assert_eq!(
        catalog.fold_tag_figures().await.unwrap(),
        0,
        "who reads has folded"
    );
}

pub(crate) async fn simultaneous_changes_and_folds_lose_no_figure(catalog: Catalog) {
    let (dev, first) = app(&catalog).await;
    let ids = [first, repository(&catalog, "team/other", &dev).await.id];
    let tasks: Vec<_> = (0..6)
        .map(|worker| {
            let (catalog, dev) = (catalog.clone(), dev.clone());
            tokio::spawn(async move {
                let mut dice = Dice(worker);
                for step in 0..15 {
                    change(&catalog, &ids, &dev, &mut dice).await;
                    if step % 3 == 0 {
                        catalog.fold_tag_figures().await.unwrap();
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    check(&catalog, &ids, at(60)).await;
}

pub(crate) async fn many_pending_changes_are_folded_in_steps(catalog: Catalog) {
    let (dev, id) = app(&catalog).await;
    let body = pushed_image(&catalog, id, &dev, "[1]", &tags(&["a", "b"]), 1).await;
    for step in 0..300_i64 {
        let verdict = VERDICTS[step as usize % VERDICTS.len()];
        let decision = decision(id, &digest_of(&body), verdict);
        catalog.put_decision(&decision, at(step)).await.unwrap();
    }
    let folded = catalog.fold_tag_figures().await.unwrap();
    assert!(folded > 500, "{folded}");
    let figures = catalog.repository_figures(&[id], at(300)).await.unwrap();
    assert_eq!(figures[&id].verdicts.pending, 2, "the last one counts");
    assert_eq!(figures[&id].tag_count, 2);
}
