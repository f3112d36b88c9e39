//! Webhooks: how each fares, what each was told, and once more.

use axum::response::Response;
use catalog::{
    Delivery, DeliveryState, Endpoint, EndpointHealth, EndpointId, EndpointScope, EndpointSettings,
    Principal,
};
use url::Url;
use web::routes::Route;
use web::{
    DeliveryList, DeliveryOutcome, DeliveryRow, Done, ErrorKind, LatestDelivery, WebhookHealth,
    WebhookPage, WebhookRow, WebhookScope, WebhooksPage,
};

use super::{Form, PageError, Visit, and_back, done, html, number};

/// Webhooks, and deliveries of one, on a page.
const PER_PAGE: u32 = 50;

pub(super) async fn page(visit: &Visit) -> Result<Response, PageError> {
    let catalog = &visit.app.catalog;
    let after: Option<i64> = visit.parameter("after").parse().ok();
    let mut found = catalog
        .endpoints(None, EndpointId(after.unwrap_or(0)), PER_PAGE + 1)
        .await?;
    let has_more = found.len() > PER_PAGE as usize;
    found.truncate(PER_PAGE as usize);
    let mut health = match (found.first(), found.last()) {
        (Some(first), Some(last)) => catalog.endpoint_health(first.id, last.id).await?,
        _ => std::collections::HashMap::new(),
    };
    let page = WebhooksPage {
        frame: visit.frame(),
        done: done(visit),
        is_continued: after.is_some(),
        next: found
            .last()
            .filter(|_| has_more)
            .map(|endpoint| endpoint.id.0),
        rows: found
            .into_iter()
            .map(|endpoint| {
                let health = health.remove(&endpoint.id).unwrap_or_default();
                row(endpoint, health)
            })
            .collect(),
    };
    html(web::render_webhooks(&page))
}

pub(super) async fn one(visit: &Visit, id: i64) -> Result<Response, PageError> {
    let endpoint = found(visit, id).await?;
    let list = DeliveryList::from_parameter(visit.parameter("state"));
    let cursor: Option<i64> = visit.parameter("cursor").parse().ok();
    let state = DeliveryState::parse(list.as_str());
    let mut deliveries = visit
        .app
        .catalog
        .deliveries(endpoint.id, state, cursor, PER_PAGE + 1)
        .await?;
    let has_more = deliveries.len() > PER_PAGE as usize;
    deliveries.truncate(PER_PAGE as usize);
    let page = WebhookPage {
        frame: visit.frame(),
        done: done(visit),
        id,
        about: about(&endpoint),
        host: host(&endpoint.settings.url),
        health: health(&endpoint),
        created_by: endpoint.created_by,
        created: endpoint.created_at,
        format: endpoint.settings.format.as_str(),
        kinds: endpoint
            .settings
            .kinds
            .iter()
            .map(|kind| kind.as_str())
            .collect(),
        repositories: endpoint.settings.repositories,
        tags: endpoint.settings.tags,
        name: endpoint.settings.name,
        list,
        cursor,
        next: deliveries.last().filter(|_| has_more).map(|row| row.id),
        rows: deliveries.into_iter().map(delivery_row).collect(),
    };
    html(web::render_webhook(&page))
}

pub(super) async fn submit(
    visit: &Visit,
    principal: &Principal,
    id: i64,
    form: &Form,
) -> Result<Response, PageError> {
    let endpoint = found(visit, id).await?;
    let (app, actor, now) = (&visit.app, visit.actor(principal), visit.app.clock.now());
    let mut back = Route::Webhook(id).with("", "");
    let done = match form.field("do") {
        "test" if endpoint.settings.enabled => {
            app.catalog.ping_endpoint(endpoint.id, &actor, now).await?;
            app.wake_workers();
            Done::Test
        }
        word @ ("on" | "off") => {
            let enabled = word == "on";
            let settings = EndpointSettings {
                enabled,
                ..endpoint.settings.clone()
            };
            app.catalog
                .update_endpoint(&endpoint, &settings, &actor, now)
                .await?;
            if enabled {
                Done::SwitchOn
            } else {
                Done::SwitchOff
            }
        }
        "redeliver" if endpoint.settings.enabled => {
            let delivery = number(form, "delivery")?;
            let revived = app
                .catalog
                .redeliver(endpoint.id, delivery, &actor, now)
                .await?;
            if !revived {
                return Err(PageError::Shown(ErrorKind::NotFound));
            }
            app.wake_workers();
            let list = DeliveryList::from_parameter(form.field("state"));
            back = back
                .with("state", list.as_str())
                .with("cursor", form.field("cursor"));
            Done::Redeliver
        }
        _ => return Err(PageError::Shown(ErrorKind::BadRequest)),
    };
    Ok(and_back(&back.with("done", done.as_str())))
}

async fn found(visit: &Visit, id: i64) -> Result<Endpoint, PageError> {
    let endpoint = visit.app.catalog.endpoint(EndpointId(id)).await?;
    endpoint.ok_or(PageError::Shown(ErrorKind::NotFound))
}

fn row(endpoint: Endpoint, fares: EndpointHealth) -> WebhookRow {
    WebhookRow {
        id: endpoint.id.0,
        about: about(&endpoint),
        host: host(&endpoint.settings.url),
        health: health(&endpoint),
        name: endpoint.settings.name,
        latest: fares.latest.map(|delivery| LatestDelivery {
            event: delivery.event.kind.as_str(),
            outcome: outcome(&delivery),
            status: delivery.status,
            at: delivery.updated_at,
        }),
        pending: fares.pending,
        dead: fares.dead,
    }
}

fn delivery_row(delivery: Delivery) -> DeliveryRow {
    DeliveryRow {
        id: delivery.id,
        event: delivery.event.kind.as_str(),
        at: delivery.event.at,
        outcome: outcome(&delivery),
        place: match (delivery.event.repository, delivery.event.tag) {
            (Some(repository), Some(tag)) => Some(format!("{repository}:{tag}")),
            (repository, _) => repository.or(delivery.event.namespace),
        },
        attempts: delivery.attempts,
        status: delivery.status,
        took_ms: delivery.took_ms,
        failure: delivery.excerpt,
    }
}

fn outcome(delivery: &Delivery) -> DeliveryOutcome {
    match delivery.state {
        DeliveryState::Pending => DeliveryOutcome::Pending(delivery.due_at),
        DeliveryState::Delivered => DeliveryOutcome::Delivered,
        DeliveryState::Dead => DeliveryOutcome::Dead,
    }
}

fn about(endpoint: &Endpoint) -> WebhookScope {
    match &endpoint.scope {
        EndpointScope::System => WebhookScope::Everything,
        EndpointScope::Namespace(namespace) => WebhookScope::Namespace(namespace.clone()),
        EndpointScope::Repository(_) => {
            let name = endpoint.repository_name.as_deref();
            WebhookScope::Repository(name.and_then(|name| name.parse().ok()))
        }
    }
}

fn health(endpoint: &Endpoint) -> WebhookHealth {
    match (
        endpoint.settings.enabled,
        &endpoint.disabled_reason,
        endpoint.failing_since,
    ) {
        (false, Some(reason), _) => WebhookHealth::GaveUp(reason.clone()),
        (false, None, _) => WebhookHealth::Off,
        (true, _, Some(since)) => WebhookHealth::Failing(since),
        (true, _, None) => WebhookHealth::On,
    }
}

/// The host and port of an address: its path and query may hold a token.
fn host(url: &str) -> String {
    let Ok(url) = url.parse::<Url>() else {
        return "?".to_owned();
    };
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn of_an_address_only_the_host_is_shown() {
        for (url, shown) in [
            (
                "https://hooks.example.com/T0/token?key=k",
                "hooks.example.com",
            ),
            (
                "https://user:pass@ci.example.com:8443/",
                "ci.example.com:8443",
            ),
            ("http://[::1]:9/x", "[::1]:9"),
            ("nonsense", "?"),
        ] {
            assert_eq!(host(url), shown, "{url}");
        }
    }
}
