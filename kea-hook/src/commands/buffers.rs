//! Room for packets that come while a command runs: the server receives none until the command is done, and then more at
//! once than its threads can serve. What has no room is lost.

use kea_ffi::element::KeaError;
use kea_ffi::server::{self, Message};

/// What the kernel counts for a packet at least, its own data included, halved as the size of a buffer is.
const BYTES_OF_PACKET: u32 = 1024;

/// Gives the sockets of the server so many bytes of room, and its threads a queue for what they then hold. Says in the log
/// where the system does not allow it.
pub fn enlarge(size: u32) -> Result<(), KeaError> {
    if size == 0 {
        return Ok(());
    }
    let smallest = server::enlarge_receive_buffers(size)?;
    if smallest < size {
        server::log(
            Message::SmallReceiveBuffers,
            &format!(
                "the sockets of DHCP hold {smallest} bytes of packets that come while a command runs, not the {size} of \
                 'receive-buffer-size': raise net.core.rmem_max with sysctl(8), or run Kea with CAP_NET_ADMIN"
            ),
        );
    }
    server::enlarge_packet_queue(smallest / BYTES_OF_PACKET)
}
