import Glibc

/// A system call that failed: which, and why.
public struct SystemCallError: Error, CustomStringConvertible {
    /// The call's name.
    public var call: String
    /// The value of `errno`.
    public var code: Int32

    /// A failure of `call` with the error `code`.
    public init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// The call and the system's text for the error.
    public var description: String { "\(self.call): \(String(cString: strerror(self.code)))" }

    /// The result of a call that returns a negative number when it fails.
    ///
    /// - Throws: the failure, with the thread's `errno`.
    @discardableResult
    package static func check(_ call: String, _ result: Int32) throws(SystemCallError) -> Int32 {
        guard result >= 0 else { throw SystemCallError(call: call, code: errno) }
        return result
    }
}
