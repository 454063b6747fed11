namespace Athanor.Compute.Tensors;

/// <summary>Element types of the safetensors format, in its order of alignment: a file holds the later ones first.</summary>
public enum SafeTensorType
{
    Bool,
    F4,
    F6E2M3,
    F6E3M2,
    U8,
    I8,
    F8E5M2,
    F8E4M3,
    F8E8M0,
    I16,
    U16,
    F16,
    BF16,
    I32,
    U32,
    F32,
    C64,
    F64,
    I64,
    U64,
}

internal static class SafeTensorTypes
{
    private static readonly (SafeTensorType Type, string Name, int Bits)[] All =
    [
        (SafeTensorType.Bool, "BOOL", 8), (SafeTensorType.F4, "F4", 4), (SafeTensorType.F6E2M3, "F6_E2M3", 6),
        (SafeTensorType.F6E3M2, "F6_E3M2", 6), (SafeTensorType.U8, "U8", 8), (SafeTensorType.I8, "I8", 8),
        (SafeTensorType.F8E5M2, "F8_E5M2", 8), (SafeTensorType.F8E4M3, "F8_E4M3", 8), (SafeTensorType.F8E8M0, "F8_E8M0", 8),
        (SafeTensorType.I16, "I16", 16), (SafeTensorType.U16, "U16", 16), (SafeTensorType.F16, "F16", 16),
        (SafeTensorType.BF16, "BF16", 16),
        (SafeTensorType.I32, "I32", 32), (SafeTensorType.U32, "U32", 32), (SafeTensorType.F32, "F32", 32), (SafeTensorType.C64, "C64", 64),
        (SafeTensorType.F64, "F64", 64), (SafeTensorType.I64, "I64", 64), (SafeTensorType.U64, "U64", 64),
    ];

    /// <summary>How the header writes it.</summary>
    public static string Name(this SafeTensorType type) => All[(int)type].Name;

    /// <summary>Bits of one element.</summary>
    public static int Bits(this SafeTensorType type) => All[(int)type].Bits;

    public static SafeTensorType? Parse(string name)
    {
        foreach (var (type, known, _) in All)
        {
            if (known == name) return type;
        }
        return null;
    }

    public static string Names => string.Join(", ", All.Select(static entry => entry.Name));
}
