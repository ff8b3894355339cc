//! Subnets that Kea lacks are made, on every server that lacks them, one at a time.

use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::sync::Arc;

use futures::future::join_all;
use ipnet::IpNet;
use kube::ResourceExt;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::finding::Obstacle;
use crate::crd::NetworkNamespace;
use crate::domain::{NewSubnet, NewSubnetError, NewSubnets, Request, Subnet, place_subnet};
use crate::kea::{ErrorClass, KeaError, Member};

/// Settings of subnets that are made.
#[derive(Clone, Debug)]
pub struct SubnetOptions {
    /// What they are made of.
    pub new: NewSubnets,
    /// How they outlive a restart of Kea.
    pub persist: Persist,
}

/// How new subnets outlive a restart of Kea.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persist {
    /// A hook keeps them, else Kea's configuration is written.
    Auto,
    /// Kea's configuration is written.
    ConfigWrite,
    /// They do not; they are made again.
    None,
}

/// Why a missing subnet is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreationError {
    /// It may not be made.
    #[error(transparent)]
    Refused(#[from] NewSubnetError),
    /// The NetworkNamespace names a gateway that is no address.
    #[error(
        "a subnet for prefix {prefix} is not created, since the gateway {gateway:?} of the NetworkNamespace is no IPv4 address; correct it"
    )]
    Gateway {
        /// The prefix.
        prefix: IpNet,
        /// The text.
        gateway: String,
    },
    /// Kea cannot make it, or does not want to.
    #[error("the missing subnet for prefix {prefix} cannot be created: {error}")]
    Kea {
        /// The prefix.
        prefix: IpNet,
        /// Why.
        error: KeaError,
    },
    /// Kea did as if, and it is not there.
    #[error(
        "the missing subnet for prefix {prefix} was added to {server} with number {id}, and is not there with it afterwards; check what else \
             changes its subnets"
    )]
    NotThere {
        /// The prefix.
        prefix: IpNet,
        /// The server.
        server: String,
        /// The number.
        id: u32,
    },
}

impl CreationError {
    /// One word for the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Refused(NewSubnetError::Overlaps { .. }) => "SubnetOverlaps",
            _ => "SubnetNotCreated",
        }
    }
}

/// Makes subnets, and remembers what is to be done so that they last.
pub struct Creation {
    options: Option<SubnetOptions>,
    mark: String,
    /// One subnet is made at a time: where it fits depends on all others.
    turn: tokio::sync::Mutex<()>,
    /// By server.
    made: Mutex<HashMap<String, Made>>,
    /// Tells that something was made.
    pub(super) news: Notify,
}

/// What was made on one server.
#[derive(Default)]
struct Made {
    ids: BTreeSet<u32>,
    is_kept: bool,
    /// Why it is not kept.
    trouble: Option<String>,
}

impl Creation {
    /// Makes subnets for the operator with this mark, or none.
    pub fn new(options: Option<SubnetOptions>, mark: String) -> Self {
        Self {
            options,
            mark,
            turn: tokio::sync::Mutex::default(),
            made: Mutex::default(),
            news: Notify::new(),
        }
    }

    /// How what is made outlives a restart of Kea; none where nothing is made.
    pub fn persist(&self) -> Option<Persist> {
        self.options.as_ref().map(|options| options.persist)
    }

    /// The subnet to be made for a NetworkNamespace, should its prefix lead to none; none where none are made.
    pub fn wanted(
        &self,
        namespace: &NetworkNamespace,
        prefix: IpNet,
    ) -> Option<Result<NewSubnet, CreationError>> {
        match (&self.options, prefix) {
            (Some(options), IpNet::V4(net)) => {
                Some(request(namespace, prefix).and_then(|request| Ok(options.new.design(net, request)?)))
            }
            _ => None,
        }
    }

    /// Makes a subnet on those of `members` (all that answer) that have none for its prefix. What comes of it is told for these.
    pub async fn provide(
        &self,
        new: &NewSubnet,
        members: &[Arc<Member>],
    ) -> Vec<(Arc<Member>, Result<(), Obstacle>)> {
        let _turn = self.turn.lock().await;
        let prefix = IpNet::V4(new.prefix);
        let mut lists: Vec<(&Arc<Member>, Arc<Vec<Subnet>>)> = vec![];
        let mut outcomes = vec![];
        for (member, told) in
            join_all(members.iter().map(async |member| (member, member.subnets_again().await))).await
        {
            match told {
                Ok(subnets) => lists.push((member, subnets)),
                Err(error) => outcomes.push((member.clone(), Err(error.into()))),
            }
        }
        let servers: Vec<(&str, &[Subnet])> =
            lists.iter().map(|(member, subnets)| (member.name(), subnets.as_slice())).collect();
        let placed = place_subnet(prefix, &servers);
        let lacks = |subnets: &[Subnet]| !subnets.iter().any(|subnet| subnet.prefix.contains(&prefix));
        let lacking = lists.iter().filter(|(_, subnets)| lacks(subnets)).map(|(member, _)| (*member).clone());
        outcomes.extend(
            join_all(lacking.map(async |member| {
                let outcome = match &placed {
                    Ok(id) => self.add(&member, new, *id).await,
                    Err(error) => Err(CreationError::from(error.clone()).into()),
                };
                (member, outcome)
            }))
            .await,
        );
        outcomes
    }

    /// Adds it to one server, and looks whether it is there.
    async fn add(&self, member: &Member, new: &NewSubnet, id: u32) -> Result<(), Obstacle> {
        let prefix = IpNet::V4(new.prefix);
        let added = member.server().add_subnet(new, id, &self.mark).await;
        member.forget_subnets().await;
        let subnets = member.subnets().await?;
        if subnets.contains(&Subnet { id, prefix }) {
            tracing::info!(
                server = member.name(),
                subnet = id,
                %prefix,
                namespace = new.request.namespace,
                network_namespace = new.request.name,
                "subnet created in Kea"
            );
            self.made.lock().entry(member.name().into()).or_default().add(id);
            self.news.notify_one();
            return Ok(());
        }
        match added {
            Err(error) if matches!(error.class(), ErrorClass::Validation | ErrorClass::Resource) => {
                Err(CreationError::Kea { prefix, error }.into())
            }
            Err(error) => Err(error.into()),
            Ok(()) => Err(CreationError::NotThere { prefix, server: member.name().into(), id }.into()),
        }
    }

    /// Whether something that was made on a server is not among its `subnets` any more. That is told once.
    pub fn is_lost(&self, server: &str, subnets: &[Subnet]) -> bool {
        let mut made = self.made.lock();
        let Some(made) = made.get_mut(server) else { return false };
        let before = made.ids.len();
        made.ids.retain(|id| subnets.iter().any(|subnet| subnet.id == *id));
        made.ids.len() < before
    }

    /// Whether something was made on a server that is not known to last.
    pub fn is_to_be_kept(&self, server: &str) -> bool {
        self.made.lock().get(server).is_some_and(|made| !made.is_kept)
    }

    /// All that was made there before the last [`Self::keeping`] lasts.
    pub fn kept(&self, server: &str) {
        if let Some(made) = self.made.lock().get_mut(server) {
            made.trouble = None;
        }
    }

    /// It does not, yet. A server that was not reached is tried again, and nothing is wrong with it.
    pub fn failed_to_keep(&self, server: &str, error: &KeaError) {
        let mut made = self.made.lock();
        let made = made.entry(server.into()).or_default();
        made.is_kept = false;
        if error.class() != ErrorClass::Network {
            if made.trouble.is_none() {
                tracing::warn!(server, %error, "new subnets are lost when this Kea restarts, and made again then");
            }
            made.trouble = Some(error.to_string());
        }
    }

    /// What was made there is being made to last; what is made from here on has to be, too.
    pub fn keeping(&self, server: &str) {
        if let Some(made) = self.made.lock().get_mut(server) {
            made.is_kept = true;
        }
    }

    /// Why a subnet that was made on a server does not last.
    pub fn caveat(&self, server: &str, subnet_id: u32) -> Option<String> {
        let made = self.made.lock();
        made.get(server).filter(|made| made.ids.contains(&subnet_id)).and_then(|made| made.trouble.clone())
    }
}

impl Made {
    fn add(&mut self, id: u32) {
        self.ids.insert(id);
        self.is_kept = false;
    }
}

/// What a NetworkNamespace says about its subnet.
fn request(namespace: &NetworkNamespace, prefix: IpNet) -> Result<Request, CreationError> {
    let provisioning = namespace.spec.network_provisioning.as_ref();
    let manual = provisioning.and_then(|provisioning| provisioning.manual.as_ref()?.ipv4_gateway.as_deref());
    let allocation = namespace.spec.ip_allocation.as_ref();
    let fixed = allocation.and_then(|allocation| Some(allocation.static_.as_ref()?.ipv4_gateway.as_str()));
    let given = [manual, fixed].into_iter().flatten().map(str::trim).find(|text| !text.is_empty());
    let address = |text: &str| {
        text.parse::<Ipv4Addr>().map_err(|_| CreationError::Gateway { prefix, gateway: text.into() })
    };
    let classes = allocation.and_then(|allocation| Some(&allocation.dhcp.as_ref()?.require_client_classes));
    let classes = classes.into_iter().flatten().map(|class| class.trim().to_owned());
    Ok(Request {
        namespace: namespace.namespace().unwrap_or_default(),
        name: namespace.name_any(),
        gateway: given.map(address).transpose()?,
        classes: classes.filter(|class| !class.is_empty()).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn asked(spec: &serde_json::Value) -> Result<Request, CreationError> {
        let mut namespace = NetworkNamespace::default();
        namespace.metadata.name = Some("n".into());
        namespace.spec = serde_json::from_value(spec.clone()).unwrap_or_default();
        request(&namespace, IpNet::from(std::net::IpAddr::from([10, 1, 0, 0])))
    }

    #[test]
    fn the_gateway_is_that_of_the_namespace() {
        let gateway =
            |spec: serde_json::Value| asked(&spec).unwrap().gateway.map(|gateway| gateway.to_string());
        let manual = json!({"networkProvisioning": {"provider": "manual", "manual": {"ipv4CIDR": "10.1.0.0/24", "ipv4Gateway": "10.1.0.254"}}});
        assert_eq!(gateway(manual), Some("10.1.0.254".into()));
        let fixed = json!({"ipAllocation": {"type": "dhcp", "static": {"ipv4CIDR": "10.1.0.0/24", "ipv4Gateway": "10.1.0.9"}}});
        assert_eq!(gateway(fixed), Some("10.1.0.9".into()));
        assert_eq!(gateway(json!({"networkProvisioning": {"nam": {}}})), None);
        let wrong =
            asked(&json!({"networkProvisioning": {"manual": {"ipv4Gateway": "router"}}})).unwrap_err();
        assert!(wrong.to_string().contains("\"router\"") && wrong.reason() == "SubnetNotCreated", "{wrong}");
    }

    #[test]
    fn so_are_the_classes() {
        let spec =
            json!({"ipAllocation": {"type": "dhcp", "dhcp": {"requireClientClasses": ["b", " ", "c "]}}});
        assert_eq!(asked(&spec).unwrap().classes, ["b", "c"]);
    }

    #[test]
    fn what_is_lost_is_told_once() {
        let creation = Creation::new(None, "m".into());
        let subnet = |id| Subnet { id, prefix: "10.1.0.0/24".parse().unwrap() };
        creation.made.lock().entry("kea".into()).or_default().add(5);
        assert!(!creation.is_lost("kea", &[subnet(5)]) && !creation.is_lost("other", &[]));
        assert!(creation.is_lost("kea", &[subnet(6)]));
        assert!(!creation.is_lost("kea", &[subnet(6)]));
    }

    #[test]
    fn what_is_not_kept_is_told_until_it_is() {
        let creation = Creation::new(None, "m".into());
        creation.made.lock().entry("kea".into()).or_default().add(5);
        assert!(creation.is_to_be_kept("kea") && creation.caveat("kea", 5).is_none());
        creation.keeping("kea");
        let refused = KeaError::Refused {
            server: "kea".into(),
            command: "config-write".into(),
            text: "disk full".into(),
        };
        creation.failed_to_keep("kea", &refused);
        assert!(creation.is_to_be_kept("kea"));
        assert!(
            creation.caveat("kea", 5).unwrap().contains("disk full") && creation.caveat("kea", 6).is_none()
        );
        creation.keeping("kea");
        creation.kept("kea");
        assert!(!creation.is_to_be_kept("kea") && creation.caveat("kea", 5).is_none());
    }
}
