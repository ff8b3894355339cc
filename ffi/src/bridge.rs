//! What Rust may ask of Kea, implemented in `cpp/` and declared there by `keahook/shim.hpp`.

// `cxx` generates code that these lints dislike, and items that carry their docs in the C++ header.
#![allow(missing_docs, clippy::pedantic, clippy::panic)]

#[cxx::bridge(namespace = "keahook")]
pub(crate) mod ffi {
    /// What a JSON value is.
    #[derive(Debug)]
    enum Kind {
        Null,
        Boolean,
        Integer,
        Real,
        Text,
        List,
        Map,
    }

    /// Lines that the hook writes to the server's log.
    #[derive(Debug)]
    enum Message {
        Loaded,
        Unloaded,
        LoadFailed,
        StoreOpened,
        StoreFailed,
        StoreKept,
        StoreCut,
        StoreUpkeepDone,
        StoreUpkeepFailed,
        CommandFailed,
        ReservationUnusable,
        SubnetChanged,
        SubnetsRestored,
        SubnetNotRestored,
        PinRefused,
        SmallReceiveBuffers,
        InternalError,
    }

    /// `operation-target` of Kea's host commands (Kea ARM, section "libdhcp_host_cmds.so").
    #[derive(Debug)]
    enum Target {
        Memory,
        Database,
        All,
    }

    /// Where reservations are.
    #[derive(Debug)]
    enum SourceKind {
        /// Kea's configuration in memory.
        Memory,
        /// Our own store, which makes each change in one step.
        Store,
        /// A host database of Kea's, or of another library.
        Other,
    }

    /// What a [`Question`] looks for.
    #[derive(Debug)]
    enum Property {
        Any,
        Identifier,
        Address,
        Prefix,
        Hostname,
    }

    /// A question for one host source, in one family.
    struct Question<'a> {
        /// 4 or 6.
        family: u8,
        has_subnet: bool,
        subnet: u32,
        property: Property,
        identifier_type: u8,
        prefix_length: u8,
        address: &'a str,
        /// The identifier or the hostname.
        bytes: &'a [u8],
    }

    /// A reserved IPv6 address or prefix.
    struct Resource {
        address: [u8; 16],
        prefix_length: u8,
        is_prefix: bool,
    }

    /// What must be unique about a reservation. Subnet 0xffffffff means none, address 0 means none.
    #[derive(Default)]
    struct Claim {
        identifier_type: u8,
        identifier: Vec<u8>,
        subnet_v4: u32,
        subnet_v6: u32,
        /// In host byte order.
        ipv4: u32,
        resources: Vec<Resource>,
        hostname: Vec<u8>,
    }

    /// What a reservation says, for a reply. Address 0 means none, and an empty text too.
    struct Reserved<'a> {
        subnet: u32,
        /// In host byte order.
        ipv4: u32,
        resources: Vec<Resource>,
        hostname: &'a [u8],
        owner: &'a [u8],
    }

    /// Which configuration of the server is meant.
    #[derive(Debug)]
    enum Configuration {
        /// The one in use.
        Running,
        /// The one that is about to come into use.
        New,
    }

    /// A configured subnet.
    #[derive(Debug, Clone, Default)]
    struct Subnet {
        id: u32,
        prefix: String,
        /// Empty where the subnet is in none.
        shared_network: Vec<u8>,
        /// A client class must match before the subnet is used.
        guarded: bool,
    }

    /// A lease that its client may use now.
    #[derive(Debug, Clone)]
    struct ClientLease {
        subnet: u32,
        address: String,
        /// Length of a delegated prefix; 0 for an address.
        prefix_length: u8,
    }

    extern "Rust" {
        /// Bytes of C++ for Rust to keep. All at once: one by one, each costs a call or more.
        fn copied(bytes: &[u8]) -> Vec<u8>;
    }

    unsafe extern "C++" {
        include!("keahook/shim.hpp");
        include!("keahook/leases.hpp");
        include!("keahook/subnets.hpp");

        #[namespace = "isc::hooks"]
        type LibraryHandle;
        type Element;
        type Host;
        type Source;
        type Exchange;
        type Answer;
        type SubnetChange;
        type Resolver;

        fn kind(self: &Element) -> Kind;
        /// How many items a list has; 0 where this is none.
        fn length(self: &Element) -> usize;
        fn item(self: &Element, index: usize) -> Result<UniquePtr<Element>>;
        fn integer(self: &Element) -> Result<i64>;
        fn boolean(self: &Element) -> Result<bool>;
        fn text(self: &Element) -> Result<UniquePtr<CxxString>>;
        fn member(self: &Element, name: &str) -> Result<UniquePtr<Element>>;
        fn names(self: &Element) -> Result<Vec<String>>;
        fn position(self: &Element) -> Result<String>;
        fn json(self: &Element) -> Result<String>;
        fn without(self: &Element, name: &str) -> Result<UniquePtr<Element>>;
        fn set(self: Pin<&mut Element>, name: &str, value: &Element) -> Result<()>;
        fn push(self: Pin<&mut Element>, value: &Element) -> Result<()>;
        fn element_from_json(json: &str) -> Result<UniquePtr<Element>>;
        fn element_map() -> Result<UniquePtr<Element>>;
        fn element_list() -> Result<UniquePtr<Element>>;
        fn element_null() -> Result<UniquePtr<Element>>;
        fn element_boolean(value: bool) -> Result<UniquePtr<Element>>;
        fn element_integer(value: i64) -> Result<UniquePtr<Element>>;
        fn element_text(value: &[u8]) -> Result<UniquePtr<Element>>;

        fn id(self: &Host) -> u64;
        fn subnet(self: &Host, family: u8) -> u32;
        fn claim(self: &Host) -> Result<Claim>;
        fn element(self: &Host, family: u8) -> Result<UniquePtr<Element>>;
        fn copy(self: &Host) -> Result<UniquePtr<Host>>;
        fn check_readable(self: &Host) -> Result<()>;
        fn body(self: &Host) -> Result<Vec<u8>>;
        fn owner(self: &Host, member: &str) -> Result<Vec<u8>>;
        fn parse_reservation(family: u8, subnet: u32, reservation: &Element) -> Result<UniquePtr<Host>>;
        fn plain_reservation(
            family: u8,
            given: &Element,
            owner: &[u8],
            owner_alone: &str,
            claim: &mut Claim,
            text: &mut Vec<u8>,
        ) -> Result<bool>;
        fn parse_identifier(text: &[u8]) -> Result<Vec<u8>>;
        fn identifier_type(name: &str) -> Result<u8>;

        fn sources(target: Target) -> Result<UniquePtr<CxxVector<Source>>>;
        fn kind(self: &Source) -> SourceKind;
        fn name(self: &Source) -> Result<String>;
        fn find(self: &Source, question: &Question<'_>) -> Result<UniquePtr<CxxVector<Host>>>;
        fn add(self: &Source, host: &Host) -> Result<()>;
        fn remove(self: &Source, host: &Host) -> Result<()>;
        fn remove_unread(self: &Source, question: &Question<'_>) -> Result<bool>;
        fn replace_unread(self: &Source, host: &Host) -> Result<bool>;
        fn replace(self: &Source, old: &Host, updated: &Host) -> Result<()>;
        fn count(self: &Source, family: u8) -> Result<usize>;
        fn exchange(self: &Source) -> Result<UniquePtr<Exchange>>;
        fn take_out(self: Pin<&mut Exchange>, host: &Host) -> Result<()>;
        fn put_in(self: Pin<&mut Exchange>, host: &Host) -> Result<()>;
        fn run(self: Pin<&mut Exchange>) -> Result<()>;
        fn undo(self: Pin<&mut Exchange>) -> Result<()>;
        fn host_page(
            family: u8,
            of_subnet: bool,
            subnet: u32,
            source: &mut usize,
            after: u64,
            limit: usize,
        ) -> Result<UniquePtr<CxxVector<Host>>>;
        fn memory_needs_resources() -> bool;
        fn addresses_unique() -> Result<bool>;
        fn database_available() -> Result<bool>;
        fn database_types() -> Result<Vec<String>>;

        fn leases_of_client(family: u8, identifier_type: u8, identifier: &[u8]) -> Result<Vec<ClientLease>>;
        fn leases6_of_mac(is_prefix: bool, address: &str, mac: &[u8]) -> Result<Vec<ClientLease>>;
        fn resolver(family: u8) -> Result<UniquePtr<Resolver>>;
        fn open(
            self: Pin<&mut Resolver>,
            identifier_type: u8,
            identifier: &[u8],
            has_subnet: bool,
            subnet: u32,
        ) -> Result<()>;
        fn reserve(self: Pin<&mut Resolver>, reserved: &Reserved<'_>, source: &Element) -> Result<()>;
        fn close(self: Pin<&mut Resolver>) -> Result<()>;
        fn refuse(self: Pin<&mut Resolver>, reason: &str) -> Result<()>;
        fn leases(self: &Resolver) -> usize;
        fn reservations(self: &Resolver) -> usize;
        fn answers(self: &Resolver) -> Result<UniquePtr<Element>>;

        fn canonical_address(address: &str) -> Result<String>;
        fn subnets(family: u8) -> Result<Vec<Subnet>>;
        #[cxx_name = "subnet"]
        fn subnet_by_id(family: u8, id: u32, found: &mut Subnet) -> Result<bool>;
        /// The address is in network byte order.
        fn subnet_contains(family: u8, id: u32, address: &[u8]) -> Result<bool>;

        fn subnet_element(of: Configuration, family: u8, id: u32) -> Result<UniquePtr<Element>>;
        fn subnet_ids(of: Configuration, family: u8) -> Result<Vec<u32>>;
        fn subnet_by_prefix(of: Configuration, family: u8, prefix: &[u8], found: &mut Subnet)
        -> Result<bool>;
        fn canonical_subnet(family: u8, given: &Element) -> Result<UniquePtr<Element>>;
        fn network_names(of: Configuration, family: u8) -> Result<UniquePtr<Element>>;
        fn has_network(of: Configuration, family: u8, name: &[u8]) -> Result<bool>;
        fn network_element(of: Configuration, family: u8, name: &[u8]) -> Result<UniquePtr<Element>>;
        fn subnets_of_network(of: Configuration, family: u8, name: &[u8]) -> Result<Vec<Subnet>>;
        fn id(self: &SubnetChange) -> u32;
        fn prefix(self: &SubnetChange) -> Result<String>;
        fn apply(self: &SubnetChange) -> Result<()>;
        fn plan_subnet_add(of: Configuration, family: u8, given: &Element)
        -> Result<UniquePtr<SubnetChange>>;
        fn plan_subnet_update(
            of: Configuration,
            family: u8,
            id: u32,
            given: &Element,
        ) -> Result<UniquePtr<SubnetChange>>;
        fn plan_subnet_del(of: Configuration, family: u8, id: u32) -> Result<UniquePtr<SubnetChange>>;
        fn plan_network_add(
            of: Configuration,
            family: u8,
            given: &Element,
        ) -> Result<UniquePtr<SubnetChange>>;
        fn plan_network_del(
            of: Configuration,
            family: u8,
            name: &[u8],
            with_subnets: bool,
        ) -> Result<UniquePtr<SubnetChange>>;
        fn plan_network_subnet_add(
            of: Configuration,
            family: u8,
            name: &[u8],
            id: u32,
        ) -> Result<UniquePtr<SubnetChange>>;
        fn plan_network_subnet_del(
            of: Configuration,
            family: u8,
            name: &[u8],
            id: u32,
        ) -> Result<UniquePtr<SubnetChange>>;

        fn begin_statistic(name: &str) -> Result<()>;
        fn count(name: &str, by: i64) -> Result<()>;
        fn set_level(name: &str, level: i64) -> Result<()>;
        fn watch_statistics(library: Pin<&mut LibraryHandle>) -> Result<()>;
        fn hooks_version() -> i32;
        fn kea_version() -> Result<String>;
        fn process_name() -> Result<String>;
        fn library_names() -> Result<Vec<String>>;
        fn library_parameters(library: Pin<&mut LibraryHandle>) -> Result<UniquePtr<Element>>;
        fn register_command(library: Pin<&mut LibraryHandle>, name: &str) -> Result<()>;
        fn command_is_taken(name: &str) -> Result<bool>;
        fn throw_exception(standard: bool) -> Result<()>;
        fn write_after_free();
        fn write_behind_end();
        fn is_running() -> bool;
        fn refuse_configuration_later(reason: &str) -> Result<()>;
        fn database_problems(of_lookups: bool) -> Result<Vec<String>>;
        fn register_source(library: Pin<&mut LibraryHandle>, kind: &str) -> Result<bool>;
        fn watch_leases(library: Pin<&mut LibraryHandle>, family: u8) -> Result<()>;
        fn remove_source();
        fn begin_wakes() -> Result<()>;
        fn wake();
        fn enlarge_receive_buffers(size: u32) -> Result<u32>;
        fn enlarge_packet_queue(packets: u32) -> Result<()>;
        fn end_wakes();
        fn log(message: Message, text: &str);

        #[rust_name = "give"]
        fn set(self: Pin<&mut Answer>, result: i32, text: &str, arguments: UniquePtr<Element>) -> Result<()>;
    }
}

fn copied(bytes: &[u8]) -> Vec<u8> {
    bytes.to_vec()
}
