import Glibc

/// Wraps Linux calls: a failure throws a ``LoadError``.
enum SystemCall {
    /// Returns `result`; throws if it is negative.
    @discardableResult
    static func check(_ call: String, _ result: Int32) throws(LoadError) -> Int32 {
        guard result >= 0 else { throw LoadError("\(call): \(String(cString: strerror(errno)))") }
        return result
    }

    /// Sends all of `bytes` on a blocking descriptor; its send timeout limits the wait.
    static func sendAll(_ bytes: [UInt8], to descriptor: Int32) throws(LoadError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes { send(descriptor, $0.baseAddress! + offset, $0.count - offset, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            offset += Int(try check("send", Int32(clamping: count)))
        }
    }

    /// Raises the limit of this process's descriptors to the maximum, and returns it.
    static func raiseDescriptorLimit() -> Int {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        return Int(clamping: limit.rlim_cur)
    }
}
