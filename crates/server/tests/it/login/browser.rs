//! A browser, as far as signing in needs one: it keeps cookies and goes where it is told.

use std::collections::BTreeMap;

use crate::world::{Answer, Who, World};

/// The cookies of one visitor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Browser {
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) async fn get(&mut self, world: &World, address: &str) -> Answer {
        self.send(world, "GET", address, String::new()).await
    }

    pub(crate) async fn send(
        &mut self,
        world: &World,
        method: &str,
        address: &str,
        body: String,
    ) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let request = world
            .request(&Who::Nobody, method, address)
            .header("cookie", cookies.join("; "))
            .body(body);
        let answer = Answer::of(request).await;
        for cookie in answer.headers.get_all("set-cookie") {
            let cookie = cookie.to_str().unwrap();
            assert!(cookie.contains("; HttpOnly; SameSite=Lax"), "{cookie}");
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() || cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Sends the sign-in form with a name and a password.
    pub(crate) async fn sign_in(&mut self, world: &World, name: &str, password: &str) -> Answer {
        let form = self.get(world, "/sign-in").await.text();
        let (_, rest) = form.split_once("name=\"csrf\" value=\"").unwrap();
        let csrf = rest.split('"').next().unwrap();
        let body = format!("csrf={csrf}&username={name}&password={password}");
        self.send(world, "POST", "/sign-in", body).await
    }

    /// Returns whether the pages know the visitor, by the name they show.
    pub(crate) async fn is_known_as(&mut self, world: &World, name: &str) -> bool {
        let answer = self.get(world, "/images").await;
        answer.status == 200 && answer.text().contains(name)
    }
}
