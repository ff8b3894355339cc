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
        CommandFailed,
        ReservationUnusable,
        InternalError,
    }

    /// `operation-target` of Kea's host commands (Kea ARM, section "libdhcp_host_cmds.so").
    #[derive(Debug)]
    enum Target {
        Memory,
        Database,
        All,
    }

    /// A configured subnet.
    #[derive(Debug, Clone, Default)]
    struct Subnet {
        id: u32,
        prefix: String,
        /// Empty where the subnet is in none.
        shared_network: String,
        /// A client class must match before the subnet is used.
        guarded: bool,
    }

    unsafe extern "C++" {
        include!("keahook/shim.hpp");

        #[namespace = "isc::hooks"]
        type LibraryHandle;
        type Element;
        type Host;
        type Answer;

        fn kind(self: &Element) -> Kind;
        fn integer(self: &Element) -> Result<i64>;
        fn boolean(self: &Element) -> Result<bool>;
        fn text(self: &Element) -> Result<Vec<u8>>;
        fn member(self: &Element, name: &str) -> Result<UniquePtr<Element>>;
        fn names(self: &Element) -> Result<Vec<String>>;
        fn position(self: &Element) -> Result<String>;
        fn json(self: &Element) -> Result<String>;
        fn without(self: &Element, name: &str) -> Result<UniquePtr<Element>>;
        fn set(self: Pin<&mut Element>, name: &str, value: &Element) -> Result<()>;
        fn push(self: Pin<&mut Element>, value: &Element) -> Result<()>;
        fn element_map() -> Result<UniquePtr<Element>>;
        fn element_list() -> Result<UniquePtr<Element>>;
        fn element_null() -> Result<UniquePtr<Element>>;
        fn element_boolean(value: bool) -> Result<UniquePtr<Element>>;
        fn element_integer(value: i64) -> Result<UniquePtr<Element>>;
        fn element_text(value: &[u8]) -> Result<UniquePtr<Element>>;

        fn id(self: &Host) -> u64;
        fn subnet4(self: &Host) -> u32;
        fn address4(self: &Host) -> Result<String>;
        fn element(self: &Host) -> Result<UniquePtr<Element>>;
        fn parse_reservation4(subnet: u32, reservation: &Element) -> Result<UniquePtr<Host>>;
        fn parse_identifier(text: &[u8]) -> Result<Vec<u8>>;
        fn identifier_type(name: &str) -> Result<u8>;
        fn add_host(host: &Host) -> Result<()>;
        fn delete_host4_by_address(subnet: u32, address: &str) -> Result<bool>;
        fn delete_host4_by_identifier(subnet: u32, kind: u8, identifier: &[u8]) -> Result<bool>;
        fn host4_by_address(target: Target, subnet: u32, address: &str)
        -> Result<UniquePtr<CxxVector<Host>>>;
        fn host4_by_identifier(
            target: Target,
            subnet: u32,
            kind: u8,
            identifier: &[u8],
        ) -> Result<UniquePtr<CxxVector<Host>>>;
        fn hosts4_of_subnet(target: Target, subnet: u32) -> Result<UniquePtr<CxxVector<Host>>>;
        fn hosts4_by_identifier(
            target: Target,
            kind: u8,
            identifier: &[u8],
        ) -> Result<UniquePtr<CxxVector<Host>>>;
        fn hosts4_by_hostname(
            target: Target,
            of_subnet: bool,
            subnet: u32,
            hostname: &[u8],
        ) -> Result<UniquePtr<CxxVector<Host>>>;
        fn hosts4_by_address(
            target: Target,
            of_subnet: bool,
            subnet: u32,
            address: &str,
        ) -> Result<UniquePtr<CxxVector<Host>>>;
        fn host4_page(
            of_subnet: bool,
            subnet: u32,
            source: &mut usize,
            after: u64,
            limit: usize,
        ) -> Result<UniquePtr<CxxVector<Host>>>;
        fn database_available() -> Result<bool>;
        fn database_types() -> Result<Vec<String>>;

        fn canonical_address4(address: &str) -> Result<String>;
        fn subnets4() -> Result<Vec<Subnet>>;
        #[cxx_name = "subnet4"]
        fn subnet4_by_id(id: u32, found: &mut Subnet) -> Result<bool>;
        fn subnet4_contains(id: u32, address: &str) -> Result<bool>;

        fn hooks_version() -> i32;
        fn kea_version() -> Result<String>;
        fn process_name() -> Result<String>;
        fn library_names() -> Result<Vec<String>>;
        fn library_parameters(library: Pin<&mut LibraryHandle>) -> Result<UniquePtr<Element>>;
        fn register_command(library: Pin<&mut LibraryHandle>, name: &str) -> Result<()>;
        fn command_is_taken(name: &str) -> Result<bool>;
        fn throw_exception(standard: bool) -> Result<()>;
        fn is_running() -> bool;
        fn refuse_configuration_later(reason: &str) -> Result<()>;
        fn database_problems(of_lookups: bool) -> Result<Vec<String>>;
        fn register_source(library: Pin<&mut LibraryHandle>, kind: &str) -> Result<bool>;
        fn remove_source();
        fn log(message: Message, text: &str);

        #[rust_name = "give"]
        fn set(self: Pin<&mut Answer>, result: i32, text: &str, arguments: UniquePtr<Element>) -> Result<()>;
    }
}
