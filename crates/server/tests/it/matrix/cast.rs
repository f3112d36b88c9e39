//! People and robots for tests about rights.

use catalog::{
    Actor, Catalog, CredentialKind, NewAccount, NewCredential, NewRobot, NewSecret, Principal, Role,
};
use jiff::SignedDuration;
use oci::Digest;
use uuid::Uuid;

use crate::world::{Who, World, now};

/// People and robots of every kind, made in the catalog itself: hashing a dozen passwords would only cost time.
pub(crate) struct Cast {
    catalog: Catalog,
}

impl Cast {
    pub(crate) async fn of(world: &World) -> Self {
        Self {
            catalog: Catalog::connect(world.database()).await.unwrap(),
        }
    }

    pub(crate) fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    pub(crate) async fn person(&self, name: &str, reads_everything: bool) -> Principal {
        let new = NewAccount {
            name,
            reader_superuser: reads_everything,
            ..NewAccount::default()
        };
        let made = self.catalog.create_account(&new, &by(), now()).await;
        made.unwrap().principal()
    }

    /// A token of a person, which ends after so many hours.
    pub(crate) async fn token(&self, principal: &Principal, scopes: &[&str], hours: i64) -> Who {
        let text = format!("tga_{}", Uuid::new_v4().simple());
        let scopes: Vec<String> = scopes.iter().map(ToString::to_string).collect();
        let new = NewCredential {
            secret: secret(&text),
            kind: CredentialKind::App,
            parent: None,
            label: "test",
            scopes: (!scopes.is_empty()).then_some(&scopes),
            expires_at: Some(now() + SignedDuration::from_hours(hours)),
        };
        let made = self
            .catalog
            .create_credential(principal, &new, &by(), now())
            .await;
        made.unwrap().expect("the principal is there");
        Who::Basic(principal.name.clone(), text)
    }

    pub(crate) async fn robot(&self, owner: &str, name: &str) -> (Principal, Who) {
        let text = format!("tgr_{}", Uuid::new_v4().simple());
        let owner = self.catalog.account_by_name(owner).await.unwrap().unwrap();
        let new = NewRobot {
            name,
            description: "",
            expires_at: None,
            secret: secret(&text),
        };
        let made = self
            .catalog
            .create_robot(owner.id, &new, &by(), now())
            .await;
        let robot = made.unwrap().unwrap();
        (robot.principal(), Who::Basic(robot.name, text))
    }

    pub(crate) async fn grant(&self, repository: &str, to: &Principal, role: Role) {
        let name = repository.parse().unwrap();
        let granted = self.catalog.grant(&name, to, role, &by(), now()).await;
        granted.unwrap();
    }
}

pub(crate) fn by() -> Actor {
    Actor::named("test")
}

fn secret(text: &str) -> NewSecret {
    let digest = Digest::sha256(text.as_bytes());
    let hex = digest.to_string().split_off("sha256:".len());
    let mut sha256 = [0; 32];
    for (byte, pair) in sha256.iter_mut().zip(hex.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    NewSecret {
        id: Uuid::new_v4(),
        sha256,
    }
}
