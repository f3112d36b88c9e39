//! Signing in from outside: guessing, providers, directories.

pub(crate) mod browser;
pub(crate) mod directory;
mod idp;
pub(crate) mod oidc;
pub(crate) mod program;
pub(crate) mod revocation;
mod slapd;
pub(crate) mod throttle;

use crate::world::{Answer, Who, World};

/// Signs in with Basic credentials from an address of this machine and returns the status.
pub(crate) async fn basic_from(world: &World, address: &str, name: &str, password: &str) -> u16 {
    let who = Who::Basic(name.to_owned(), password.to_owned());
    let request = world.request_from(address, &who, "GET", "/v2/");
    Answer::of(request).await.status
}
