//! What rules over tags: immutability rules, restore windows, states, quotas.

use catalog::{NewImmutabilityRule, NewQuota, RepositoryState, RestoreWindow, Scope};

use super::game::{Game, TAGS};
use super::model::{Place, Rule};

impl Game {
    fn scope(&self, place: &Place) -> Scope {
        match place {
            Place::System => Scope::System,
            Place::Namespace(name) => Scope::Namespace(name.clone()),
            Place::Repository(place) => Scope::Repository(self.model.repositories[*place].id),
        }
    }

    /// Puts a rule in force, or lifts the oldest.
    pub(super) async fn rule(&mut self) -> String {
        if self.model.rules.len() >= 2 || (!self.model.rules.is_empty() && self.dice.below(2) == 0)
        {
            let rule = self.model.rules.remove(0);
            self.lift(&rule).await;
            return format!("no rule {rule:?}");
        }
        let repository = self.any_repository();
        let place = match self.dice.below(3) {
            0 => Place::System,
            1 => Place::Namespace(self.model.repositories[repository].namespace.clone()),
            _ => Place::Repository(repository),
        };
        let (tag, label) = (
            *self.dice.of(&TAGS),
            *self.dice.of(&[None, Some("release")]),
        );
        let rule = NewImmutabilityRule {
            tag: Some(tag.parse().unwrap()),
            label: label.map(str::to_owned),
            ..NewImmutabilityRule::default()
        };
        let scope = self.scope(&place);
        let added = self
            .catalog
            .add_immutability_rule(&scope, &rule, &self.by, self.now);
        let id = added.await.unwrap();
        let rule = Rule {
            id,
            place,
            tag,
            label,
        };
        let said = format!("rule {rule:?}");
        self.model.rules.push(rule);
        said
    }

    pub(super) async fn lift(&self, rule: &Rule) {
        let scope = self.scope(&rule.place);
        let lifted = self
            .catalog
            .delete_immutability_rule(&scope, rule.id, &self.by, self.now);
        assert!(lifted.await.unwrap(), "{}: rule {rule:?}", self.what);
    }

    pub(super) async fn set_window(&mut self) -> String {
        let repository = self.any_repository();
        let namespace = self.model.repositories[repository].namespace.clone();
        let window = *self.dice.of(&RestoreWindow::ALL);
        self.catalog
            .set_restore_window(&namespace, window, &self.by, self.now)
            .await
            .unwrap();
        let said = format!("window {window} of {namespace}");
        self.model.windows.insert(namespace, window);
        said
    }

    /// Opens whatever is closed, or closes something.
    pub(super) async fn set_state(&mut self) -> String {
        let closed = self.model.repositories.iter().position(|r| r.is_read_only);
        let system = if self.model.is_read_only {
            Some(false)
        } else if closed.is_none() && self.dice.below(3) == 0 {
            Some(true)
        } else {
            None
        };
        if let Some(is_read_only) = system {
            self.catalog
                .set_system_read_only(is_read_only, &self.by, self.now)
                .await
                .unwrap();
            self.model.is_read_only = is_read_only;
            return format!("system read-only {is_read_only}");
        }
        let (repository, is_read_only) = match closed {
            Some(repository) => (repository, false),
            None => (self.any_repository(), true),
        };
        let state = if is_read_only {
            RepositoryState::ReadOnly
        } else {
            RepositoryState::Normal
        };
        let id = self.model.repositories[repository].id;
        self.catalog
            .set_repository_state(id, state, &self.by, self.now)
            .await
            .unwrap();
        self.model.repositories[repository].is_read_only = is_read_only;
        format!("{repository} read-only {is_read_only}")
    }

    /// Sets a quota a little above what is used, or takes it away.
    pub(super) async fn set_quota(&mut self) -> String {
        let repository = self.any_repository();
        let namespace = self.model.repositories[repository].namespace.clone();
        let scope = Scope::Namespace(namespace.clone());
        if self.model.quotas.remove(&namespace).is_some() {
            let deleted = self.catalog.delete_quota(&scope, &self.by, self.now).await;
            assert!(deleted.unwrap(), "{}", self.what);
            return format!("no quota of {namespace}");
        }
        let room = *self.dice.of(&[0, 100, 1_000, 100_000]);
        let quota = NewQuota {
            limit_bytes: self.model.used_in(&namespace) + room,
            warn_percent: *self.dice.of(&[1, 80, 100]),
            refuses: self.dice.below(4) > 0,
        };
        self.catalog
            .set_quota(&scope, &quota, &self.by, self.now)
            .await
            .unwrap();
        self.model.quotas.insert(namespace.clone(), quota);
        format!("quota of {namespace} {quota:?}")
    }
}
