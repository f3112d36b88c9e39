//! Retention in the model, and the two policies that the game draws: keep the latest, and end what nothing leads to.

use catalog::{Actor, DeleteOutcome, TagCandidate, TagCause};
use jiff::Timestamp;

use super::game::{Game, refusal};
use super::model::{Deleted, Model, Refusal};

impl Model {
    /// The tags that a policy judges: tag, document, since when, and whether it follows something else.
    fn candidates(
        &self,
        repository: usize,
        now: Timestamp,
    ) -> Vec<(String, usize, Timestamp, bool)> {
        let spans = &self.repositories[repository].spans;
        let present = || spans.iter().filter(|span| span.is_present(now));
        let mut candidates: Vec<_> = present()
            .map(|span| {
                let follows = present().any(|parent| {
                    self.documents[parent.document]
                        .children
                        .contains(&span.document)
                });
                (span.tag.clone(), span.document, span.start, follows)
            })
            .collect();
        candidates.sort();
        candidates
    }

    /// The manifests that no tag and no index leads to, by digest.
    fn untagged(&self, repository: usize) -> Vec<usize> {
        let here = &self.repositories[repository];
        let mut found: Vec<usize> = here
            .manifests
            .iter()
            .filter(|(document, is_hidden)| {
                let mut spans = here.spans.iter();
                let is_tagged = spans.any(|span| span.end.is_none() && span.document == **document);
                !**is_hidden && !is_tagged && !self.is_child(repository, **document, true)
            })
            .map(|(document, _)| *document)
            .collect();
        found.sort_by_key(|document| &self.documents[*document].digest);
        found
    }
}

impl Game {
    /// Keeps the latest `keep` tags of a repository.
    pub(super) async fn prune(&mut self, keep: usize) -> String {
        let repository = self.any_repository();
        let id = self.model.repositories[repository].id;
        let found = self.catalog.tag_candidates(id, None, 100, self.now).await;
        let found: Vec<TagCandidate> = found.unwrap();
        let expected = self.model.candidates(repository, self.now);
        let told: Vec<_> = found
            .iter()
            .map(|candidate| {
                let document = self.document_of(&candidate.digest);
                let tag = candidate.tag.to_string();
                (tag, document, candidate.pushed_at, candidate.follows)
            })
            .collect();
        assert_eq!(told, expected, "{}: candidates", self.what);
        let mut judged: Vec<_> = expected.iter().filter(|(.., follows)| !follows).collect();
        judged.sort_by_key(|(_, _, since, _)| std::cmp::Reverse(*since));
        let ending: Vec<String> = judged
            .into_iter()
            .skip(keep)
            .map(|(tag, ..)| tag.clone())
            .collect();
        let system = Actor::named("system");
        for name in &ending {
            let tag = name.parse().unwrap();
            let ended = self
                .catalog
                .end_tag(id, &tag, TagCause::Prune, &system, self.now)
                .await;
            let ended = ended
                .map(|digest| digest.map(|digest| self.document_of(&digest)))
                .map_err(refusal);
            let now = self.now;
            let expected = self
                .model
                .whole(|model| model.end(repository, name, "prune", now));
            assert_eq!(ended, expected, "{}: end of {name}", self.what);
        }
        format!("keep {keep} in {repository}, {ending:?} end")
    }

    /// Deletes every manifest of a repository that nothing leads to.
    pub(super) async fn prune_untagged(&mut self) -> String {
        let repository = self.any_repository();
        let id = self.model.repositories[repository].id;
        let found = self
            .catalog
            .untagged_manifests(id, None, 100)
            .await
            .unwrap();
        let found: Vec<usize> = found
            .iter()
            .map(|manifest| self.document_of(&manifest.digest))
            .collect();
        assert_eq!(
            found,
            self.model.untagged(repository),
            "{}: untagged manifests",
            self.what
        );
        let system = Actor::named("system");
        for document in &found {
            let digest = self.digest(*document);
            let deleted = self
                .catalog
                .prune_manifest(id, &digest, &system, self.now)
                .await;
            let now = self.now;
            let expected = self
                .model
                .whole(|model| model.delete(repository, *document, "prune", now));
            assert_eq!(told(deleted), expected, "{}: {document}", self.what);
        }
        format!("untagged {found:?} of {repository}")
    }
}

/// A deletion's answer in the model's words.
pub(super) fn told(
    deleted: Result<DeleteOutcome, catalog::CatalogError>,
) -> Result<Deleted, Refusal> {
    match deleted {
        Ok(DeleteOutcome::Deleted { tags }) => Ok(Deleted::Gone(
            tags.iter().map(ToString::to_string).collect(),
        )),
        Ok(DeleteOutcome::NotFound) => Ok(Deleted::Absent),
        Ok(DeleteOutcome::Referenced { .. }) => Ok(Deleted::Held),
        Err(error) => Err(refusal(error)),
    }
}
