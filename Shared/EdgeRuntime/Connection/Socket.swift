import Basics
import CEpoll
import Glibc

/// A connected, non-blocking TCP descriptor owned by one connection of a delivery loop.
struct Socket: ByteSink {
    let descriptor: Int32

    /// Configures an adopted descriptor.
    /// - Parameters:
    ///   - sendBuffer: Bytes that the kernel may buffer; bounds the memory of a slow reader.
    ///   - giveUp: When the kernel drops a peer that acknowledges nothing (`TCP_USER_TIMEOUT`; RFC 5482).
    init(adopting descriptor: Int32, sendBuffer: Int32, giveUp: Duration) {
        self.descriptor = descriptor
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        self.set(SOL_SOCKET, SO_SNDBUF, sendBuffer)
        self.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        self.set(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT, Int32(clamping: giveUp.milliseconds))
    }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        // A rejected option affects efficiency, not correctness.
        setsockopt(self.descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    mutating func write(_ spans: UnsafeBufferPointer<iovec>) -> Int? {
        while true {
            let count: Int
            if spans.count == 1 {
                count = send(self.descriptor, spans[0].iov_base, spans[0].iov_len, Int32(MSG_NOSIGNAL))
            } else {
                var message = msghdr()
                message.msg_iov = UnsafeMutablePointer(mutating: spans.baseAddress)
                message.msg_iovlen = spans.count
                count = sendmsg(self.descriptor, &message, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 { return count }
            switch errno {
            case EINTR: continue
            case EAGAIN: return 0
            default: return nil
            }
        }
    }

    /// Offers `bytes`; as ``write(_:)``.
    mutating func write(_ bytes: ArraySlice<UInt8>) -> Int? {
        bytes.withUnsafeBytes { buffer in
            let span = iovec(iov_base: UnsafeMutableRawPointer(mutating: buffer.baseAddress), iov_len: buffer.count)
            return withUnsafePointer(to: span) { self.write(UnsafeBufferPointer(start: $0, count: 1)) }
        }
    }

    /// The result of a read.
    enum Inbound {
        case bytes(Int)
        case nothing
        case closed
        case failed
    }

    /// Reads the available input into `buffer`.
    func read(into buffer: UnsafeMutableRawBufferPointer) -> Inbound {
        while true {
            let count = recv(self.descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .closed }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .nothing
            default: return .failed
            }
        }
    }

    /// How long the peer has left sent bytes unacknowledged; zero without unacknowledged bytes. A slow reader
    /// still acknowledges the kernel's window probes, so this tells a dead peer from a slow one.
    func unacknowledgedFor() -> Duration {
        var info = tcp_info()
        var size = socklen_t(MemoryLayout<tcp_info>.size)
        guard getsockopt(self.descriptor, Int32(IPPROTO_TCP), TCP_INFO, &info, &size) == 0 else { return .zero }
        // Bytes that were just sent are unacknowledged too, and the last acknowledgement may be old.
        guard info.tcpi_unacked > 0 && info.tcpi_retransmits > 0 || info.tcpi_probes > 0 else { return .zero }
        return .milliseconds(Int64(info.tcpi_last_ack_recv))
    }

    /// Bytes written that the peer's kernel has not acknowledged; nil when unknown.
    func unacknowledgedBytes() -> Int? {
        var count: Int32 = 0
        // SIOCOUTQ is the same request.
        return ioctl(self.descriptor, UInt(TIOCOUTQ), &count) == 0 ? Int(count) : nil
    }

    /// Address and port of the peer, as numbers; nil when unknown.
    func peerAddress() -> String? {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &address) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getpeername(self.descriptor, address, &size) == 0 else { return nil }
                return Self.text(of: address, size)
            }
        }
    }

    private static func text(of address: UnsafePointer<sockaddr>, _ size: socklen_t) -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXHOST)) { host in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(NI_MAXSERV)) { port in
                let form = NI_NUMERICHOST | NI_NUMERICSERV
                guard
                    getnameinfo(
                        address,
                        size,
                        host.baseAddress,
                        socklen_t(host.count),
                        port.baseAddress,
                        socklen_t(port.count),
                        form
                    ) == 0, let host = host.baseAddress, let port = port.baseAddress
                else { return nil }
                let name = String(cString: host)
                return name.contains(":") ? "[\(name)]:\(String(cString: port))" : "\(name):\(String(cString: port))"
            }
        }
    }

    /// Raises the kernel's send buffer, as far as the system allows.
    func growSendBuffer(to bytes: Int32) { self.set(SOL_SOCKET, SO_SNDBUF, bytes) }

    /// Shuts down the sending side; bytes already sent still arrive.
    func finishSending() { shutdown(self.descriptor, Int32(SHUT_WR)) }

    func closeDescriptor() { close(self.descriptor) }
}
