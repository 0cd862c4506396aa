/// Validates the relay's texts as JSON-RPC 2.0, written from the specification and not from the relay's code.
enum JSONRPCChecker {
    /// Returns the violation; nil if valid.
    static func fault(_ text: [UInt8]) -> String? {
        guard let tree = JSONTree(text) else { return "not JSON" }
        if let elements = tree.elements {
            guard !elements.isEmpty else { return "an empty batch" }
            return elements.compactMap { responseFault($0) }.first
        }
        return tree["method"] == nil ? responseFault(tree) : notificationFault(tree)
    }

    /// §5: `jsonrpc`, `id`, and exactly one of `result` and `error`.
    static func responseFault(_ tree: JSONTree) -> String? {
        let names = tree.names
        guard names.count == 3, Set(names).count == 3 else { return "a response has three members" }
        guard tree["jsonrpc"] == .string("2.0") else { return "no version" }
        switch tree["id"] {
        case .string, .number, .null: break
        default: return "no id"
        }
        guard let error = tree["error"] else { return tree["result"] == nil ? "neither result nor error" : nil }
        guard Set(error.names).isSubset(of: ["code", "message", "data"]), Set(error.names).count == error.names.count else {
            return "an unknown member of the error"
        }
        guard case .number(let code) = error["code"], Int(code) != nil else { return "a code that is no integer" }
        return error["message"]?.text == nil ? "no message" : nil
    }

    /// §4.1: `jsonrpc`, `method`, perhaps structured `params`, and no `id`.
    static func notificationFault(_ tree: JSONTree) -> String? {
        guard tree["jsonrpc"] == .string("2.0"), tree["method"]?.text != nil else { return "no version or method" }
        switch tree["params"] {
        case nil, .object, .array: break
        default: return "params without structure"
        }
        let names = tree.names
        return Set(names).isSubset(of: ["jsonrpc", "method", "params"]) && Set(names).count == names.count ? nil : "an unknown member"
    }
}
