import Glibc

/// A system call that failed: which, and why.
public struct SystemCallError: Error, CustomStringConvertible {
    /// The call's name.
    public var call: String
    /// The value of `errno`.
    public var code: Int32

    public var description: String { "\(self.call): \(String(cString: strerror(self.code)))" }

    @discardableResult
    static func check(_ call: String, _ result: Int32) throws(SystemCallError) -> Int32 {
        guard result >= 0 else { throw SystemCallError(call: call, code: errno) }
        return result
    }
}
