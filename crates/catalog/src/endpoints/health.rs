//! How endpoints fare, for whoever watches over them: the latest delivery of each, how many wait, how many gave up.

use std::collections::HashMap;

use super::EndpointId;
use super::deliveries::{Delivery, DeliveryState, read_delivery};
use crate::dialect::statements;
use crate::rows::Columns as _;
use crate::{Catalog, CatalogError};

/// How one endpoint fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointHealth {
    /// The latest event on its way to it.
    pub latest: Option<Delivery>,
    /// Deliveries that will be tried.
    pub pending: u64,
    /// Deliveries that failed too often, or whose endpoint was switched off.
    pub dead: u64,
}

statements! {
    LATEST = "SELECT d.*, e.kind, e.at, e.namespace, e.repository_id, e.repository, e.tag, e.digest, e.actor, e.data
        FROM endpoint p
        JOIN delivery d ON d.endpoint_id = p.id
            AND d.event_id = (SELECT MAX(l.event_id) FROM delivery l WHERE l.endpoint_id = p.id)
        JOIN event e ON e.id = d.event_id
        WHERE p.id >= $1 AND p.id <= $2";
    OPEN = "SELECT d.endpoint_id, d.state, COUNT(*) AS deliveries FROM endpoint p
        JOIN delivery d ON d.endpoint_id = p.id AND d.state IN ('pending', 'dead')
        WHERE p.id >= $1 AND p.id <= $2 GROUP BY d.endpoint_id, d.state";
    IN_TROUBLE = "SELECT COUNT(*) AS endpoints FROM endpoint
        WHERE (enabled = 1 AND failing_since IS NOT NULL) OR disabled_reason IS NOT NULL";
}

impl Catalog {
    /// Returns how the endpoints from `first` to `last` fare; one that was never to be told anything is left out.
    pub async fn endpoint_health(
        &self,
        first: EndpointId,
        last: EndpointId,
    ) -> Result<HashMap<EndpointId, EndpointHealth>, CatalogError> {
        let rows = async |statement| {
            let query = self.dialect.query(statement).bind(first.0).bind(last.0);
            query.fetch_all(&self.reader).await
        };
        let mut health: HashMap<EndpointId, EndpointHealth> = HashMap::new();
        for row in rows(LATEST).await? {
            let endpoint = EndpointId(row.int("endpoint_id")?);
            health.entry(endpoint).or_default().latest = Some(read_delivery(&row)?);
        }
        for row in rows(OPEN).await? {
            let endpoint = health
                .entry(EndpointId(row.int("endpoint_id")?))
                .or_default();
            let count = row.size("deliveries")?;
            match DeliveryState::parse(&row.text("state")?) {
                Some(DeliveryState::Pending) => endpoint.pending = count,
                Some(DeliveryState::Dead) => endpoint.dead = count,
                Some(DeliveryState::Delivered) | None => {
                    return Err(CatalogError::Corrupt("state of a delivery"));
                }
            }
        }
        Ok(health)
    }

    /// Returns how many endpoints could not be told the latest, or were switched off by the server.
    pub async fn endpoints_in_trouble(&self) -> Result<u64, CatalogError> {
        let query = self.dialect.query(IN_TROUBLE);
        query.fetch_one(&self.reader).await?.size("endpoints")
    }
}
