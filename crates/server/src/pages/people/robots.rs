//! Robots: their list, and one of them with its secrets.

use axum::http::StatusCode;
use axum::response::Response;
use catalog::{Principal, SubjectId, UsedRobot};
use jiff::Timestamp;
use web::{
    Draft, ErrorKind, GivenRole, HomeHead, HomeView, RobotPage, RobotRow, RobotState, RobotsPage,
    ShownSecret,
};

use super::name_lists::Asked;
use super::{ends, not_kept, secret_rows, shown};
use crate::api::robots::{self, NewPermission, NewRobot, NewRobotSecret, RobotItem, RobotUpdate};
use crate::api::{Body, Segments};
use crate::pages::refusal::{Refused, refusable};
use crate::pages::{Form, PageError, Visit, html, redirect};

/// Roles of one robot on its page.
const ROLES: u32 = 200;

pub(super) async fn page(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
) -> Result<Response, PageError> {
    list(visit, principal, head, Draft::default()).await
}

async fn list(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    draft: Draft,
) -> Result<Response, PageError> {
    // Whose robots these are, and whether the visitor may know of them, is the API's to say.
    let owner = robots::seen_owner(&visit.app, &visit.caller(principal), &head.name).await?;
    let asked = Asked::of(visit);
    let catalog = &visit.app.catalog;
    let found = catalog.robot_page(owner, &asked.listing()).await?;
    let now = visit.app.clock.now();
    let row = |used: UsedRobot| {
        let robot = RobotItem::from(used.robot);
        RobotRow {
            state: state(&robot, now),
            name: robot.name,
            description: robot.description,
            secrets: used.secrets,
            used: used.last_used_at,
            ends: robot.expires_at,
        }
    };
    let page = RobotsPage {
        frame: visit.frame(),
        paging: asked.paging(&found, |used| used.robot.name.clone()),
        rows: found.rows.into_iter().map(row).collect(),
        head,
        draft,
    };
    html(web::render_robots(&page))
}

pub(super) async fn create(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    form: &Form,
) -> Result<Response, PageError> {
    if form.field("do") != "robot" {
        return Err(PageError::Shown(ErrorKind::BadRequest));
    }
    let new = match new_robot(&head, form, visit.app.clock.now()) {
        Ok(new) => new,
        Err(refused) => {
            let page = list(visit, principal, head, refused.draft(form)).await?;
            return Ok(refused.on(page));
        }
    };
    let ends = new.expires_at;
    let caller = visit.credentialed(principal);
    match refusable(robots::create(visit.app(), caller, Body(new)).await)? {
        Ok((_, made)) => {
            let label = "The robot is made, with its first secret".to_owned();
            let secret = shown(visit, label, &made.0.name, made.0.token, ends);
            let page = show(
                visit,
                principal,
                head,
                &made.0.name,
                Some(secret),
                Draft::default(),
            );
            Ok(not_kept(page.await?))
        }
        Err(refused) => {
            let page = list(visit, principal, head, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

fn new_robot(head: &HomeHead, form: &Form, now: Timestamp) -> Result<NewRobot, Refused> {
    let (role, repository) = (form.field("role"), form.field("repository").trim());
    let permissions = match (role, repository) {
        ("", _) | (_, "") => Vec::new(),
        (role, name) => {
            let repository = name.parse().map_err(|_| {
                Refused::invalid("That is no name of a repository: write it like `acme/app`.")
            })?;
            vec![NewPermission {
                repository,
                role: role.to_owned(),
            }]
        }
    };
    Ok(NewRobot {
        name: form.field("name").trim().to_owned(),
        owner: Some(head.name.clone()),
        description: form.field("description").trim().to_owned(),
        expires_at: ends(form.field("ends"), now)?,
        permissions,
    })
}

pub(super) async fn one(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    own_name: &str,
) -> Result<Response, PageError> {
    let name = format!("{}+{own_name}", head.name);
    show(visit, principal, head, &name, None, Draft::default()).await
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    own_name: &str,
    form: &Form,
) -> Result<Response, PageError> {
    let name = format!("{}+{own_name}", head.name);
    let here = head.home.at(HomeView::Robot(own_name.to_owned()));
    let (app, caller) = (visit.app(), visit.credentialed(principal));
    let robot = Segments(name.clone());
    let done = match form.field("do") {
        "secret" => match add_secret(visit, principal, &name, form).await? {
            Ok(secret) => {
                let page = show(
                    visit,
                    principal,
                    head,
                    &name,
                    Some(secret),
                    Draft::default(),
                );
                return Ok(not_kept(page.await?));
            }
            Err(refused) => Err(refused),
        },
        "revoke" => {
            let secret = Segments((name.clone(), form.field("id").to_owned()));
            refusable(robots::revoke_secret(app, caller, secret).await)?.map(drop_status)
        }
        "delete" => {
            robots::delete(app, caller, robot).await?;
            return Ok(redirect(&head.home.at(HomeView::Robots).to_string()));
        }
        word => match update(word, form, visit.app.clock.now())? {
            Ok(update) => {
                refusable(robots::change(app, caller, robot, Body(update)).await)?.map(drop_status)
            }
            Err(refused) => Err(refused),
        },
    };
    match done {
        Ok(()) => Ok(redirect(&here.to_string())),
        Err(refused) => {
            let page = show(visit, principal, head, &name, None, refused.draft(form)).await?;
            Ok(refused.on(page))
        }
    }
}

fn drop_status(_: StatusCode) {}

/// Reads what a form changes about a robot.
fn update(
    word: &str,
    form: &Form,
    now: Timestamp,
) -> Result<Result<RobotUpdate, Refused>, PageError> {
    let mut update = RobotUpdate {
        description: None,
        disabled: None,
        expires_at: None,
        never_expires: false,
    };
    match word {
        "disable" => update.disabled = Some(true),
        "enable" => update.disabled = Some(false),
        "change" => {
            update.description = Some(form.field("description").trim().to_owned());
            match form.field("ends") {
                "as-it-is" => {}
                "" => update.never_expires = true,
                days => match ends(days, now) {
                    Ok(at) => update.expires_at = at,
                    Err(refused) => return Ok(Err(refused)),
                },
            }
        }
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    }
    Ok(Ok(update))
}

async fn add_secret(
    visit: &Visit,
    principal: &Principal,
    name: &str,
    form: &Form,
) -> Result<Result<ShownSecret, Refused>, PageError> {
    let expires_at = match ends(form.field("ends"), visit.app.clock.now()) {
        Ok(at) => at,
        Err(refused) => return Ok(Err(refused)),
    };
    let new = NewRobotSecret {
        label: form.field("label").trim().to_owned(),
        expires_at,
    };
    let caller = visit.credentialed(principal);
    let robot = Segments(name.to_owned());
    let made = robots::add_secret(visit.app(), caller, robot, Body(new)).await;
    Ok(refusable(made)?.map(|(_, made)| {
        let label = "The secret is made, beside those there were".to_owned();
        shown(visit, label, name, made.0.token, expires_at)
    }))
}

async fn show(
    visit: &Visit,
    principal: &Principal,
    head: HomeHead,
    name: &str,
    shown: Option<ShownSecret>,
    draft: Draft,
) -> Result<Response, PageError> {
    let caller = || visit.caller(principal);
    let robot = robots::get(visit.app(), caller(), Segments(name.to_owned()))
        .await?
        .0;
    let secrets = robots::secrets(visit.app(), caller(), Segments(name.to_owned())).await?;
    let catalog = &visit.app.catalog;
    let stored = catalog.robot_by_name(name).await?;
    let roles = match stored {
        Some(robot) => {
            catalog
                .roles_given_to(SubjectId::Robot(robot.id), ROLES)
                .await?
        }
        None => Vec::new(),
    };
    let page = RobotPage {
        frame: visit.frame(),
        head,
        state: state(&robot, visit.app.clock.now()),
        name: robot.name,
        description: robot.description,
        created: robot.created_at,
        ends: robot.expires_at,
        secrets: secret_rows(secrets.0),
        roles: roles
            .into_iter()
            .map(|(repository, role)| GivenRole {
                repository,
                role: role.as_str(),
            })
            .collect(),
        shown,
        draft,
    };
    html(web::render_robot(&page))
}

fn state(robot: &RobotItem, now: Timestamp) -> RobotState {
    if robot.expires_at.is_some_and(|ends| ends <= now) {
        RobotState::Ended
    } else if robot.disabled {
        RobotState::Disabled
    } else {
        RobotState::Active
    }
}
