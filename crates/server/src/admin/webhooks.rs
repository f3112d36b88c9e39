//! Webhooks, from the console. Running servers send what is queued here.

use catalog::{DeliveryState, Endpoint, EndpointId, EndpointScope, EndpointSecret};
use jiff::Timestamp;
use oci::RepositoryName;

use super::{Admin, AdminError};
use crate::api::webhooks::has_room;
pub use crate::api::webhooks::{DeliveryItem, NewWebhook, WebhookItem};
use crate::outbound::{Outbound, OutboundSettings};

/// Webhooks or deliveries in one list.
const MAX_LIST: u32 = 10_000;

impl Admin {
    /// Lists webhooks: those of a namespace, of a repository, or all.
    pub async fn webhooks(
        &self,
        namespace: Option<&str>,
        repository: Option<&RepositoryName>,
    ) -> Result<Vec<WebhookItem>, AdminError> {
        let scope = self.told_about(namespace, repository).await?;
        let endpoints = self
            .catalog
            .endpoints(Some(&scope), EndpointId(0), MAX_LIST)
            .await?;
        Ok(endpoints.into_iter().map(WebhookItem::from).collect())
    }

    /// Creates a webhook. Returns its id and what signs its events.
    pub async fn create_webhook(
        &self,
        new: NewWebhook,
        outbound: &OutboundSettings,
        now: Timestamp,
    ) -> Result<(i64, EndpointSecret), AdminError> {
        let scope = self
            .told_about(new.namespace.as_deref(), new.repository.as_ref())
            .await?;
        let unusable = |error: crate::ClientError| AdminError::Unacceptable(error.to_string());
        let outbound = Outbound::new(outbound).map_err(unusable)?;
        let settings = new.read(&outbound)?;
        if !has_room(&self.catalog, &scope).await? {
            return Err(AdminError::TooManyWebhooks);
        }
        let created = self
            .catalog
            .create_endpoint(&scope, &settings, &self.actor, now)
            .await?;
        Ok((created.0, settings.secret))
    }

    /// Deletes a webhook with everything on its way to it.
    pub async fn delete_webhook(&self, id: i64, now: Timestamp) -> Result<(), AdminError> {
        let endpoint = self.webhook(id).await?;
        let deleted = self.catalog.delete_endpoint(&endpoint, &self.actor, now);
        let missing = || AdminError::NoWebhook(id);
        deleted.await?.then_some(()).ok_or_else(missing)
    }

    /// Queues an event of the kind `ping`. Returns its delivery.
    pub async fn test_webhook(&self, id: i64, now: Timestamp) -> Result<i64, AdminError> {
        let endpoint = self.webhook(id).await?;
        if !endpoint.settings.enabled {
            return Err(AdminError::WebhookIsOff(id));
        }
        let pinged = self.catalog.ping_endpoint(endpoint.id, &self.actor, now);
        pinged.await?.ok_or(AdminError::NoWebhook(id))
    }

    /// Lists what a webhook was told, latest first.
    pub async fn deliveries(
        &self,
        id: i64,
        state: Option<DeliveryState>,
        limit: u32,
    ) -> Result<Vec<DeliveryItem>, AdminError> {
        let endpoint = self.webhook(id).await?;
        let rows = self
            .catalog
            .deliveries(endpoint.id, state, None, limit)
            .await?;
        Ok(rows.into_iter().map(DeliveryItem::from).collect())
    }

    /// Queues a delivery again that was accepted or is dead.
    pub async fn redeliver(
        &self,
        id: i64,
        delivery: i64,
        now: Timestamp,
    ) -> Result<(), AdminError> {
        let endpoint = self.webhook(id).await?;
        let revived = self
            .catalog
            .redeliver(endpoint.id, delivery, &self.actor, now)
            .await?;
        let missing = || AdminError::NoDelivery { id, delivery };
        revived.then_some(()).ok_or_else(missing)
    }

    async fn webhook(&self, id: i64) -> Result<Endpoint, AdminError> {
        let found = self.catalog.endpoint(EndpointId(id)).await?;
        found.ok_or(AdminError::NoWebhook(id))
    }

    async fn told_about(
        &self,
        namespace: Option<&str>,
        repository: Option<&RepositoryName>,
    ) -> Result<EndpointScope, AdminError> {
        match (namespace, repository) {
            (None, None) => Ok(EndpointScope::System),
            (None, Some(name)) => Ok(EndpointScope::Repository(self.named(name).await?.id)),
            (Some(namespace), None) => {
                super::people::check_name(namespace)?;
                Ok(EndpointScope::Namespace(namespace.to_owned()))
            }
            (Some(_), Some(_)) => Err(AdminError::Unacceptable(
                "a webhook has a namespace or a repository, not both".to_owned(),
            )),
        }
    }
}
