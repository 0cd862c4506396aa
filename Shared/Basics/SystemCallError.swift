import Glibc

/// A failed system call with its `errno`.
public struct SystemCallError: Error, CustomStringConvertible {
    /// The call's name.
    public var call: String
    /// The value of `errno`.
    public var code: Int32

    /// Creates an error.
    public init(call: String, code: Int32) {
        self.call = call
        self.code = code
    }

    /// The call and the system's text for the error.
    public var description: String { "\(self.call): \(String(cString: strerror(self.code)))" }

    /// Checks the result of a call that returns a negative number on failure.
    ///
    /// - Throws: the error, with the thread's `errno`.
    @discardableResult
    package static func check(_ call: String, _ result: Int32) throws(SystemCallError) -> Int32 {
        guard result >= 0 else { throw SystemCallError(call: call, code: errno) }
        return result
    }
}
