using System.Linq;
using Microsoft.CodeAnalysis;

namespace Athanor.Protocol.Generator;

/// <summary>Finds how a member's type is written.</summary>
internal static class TypeReader
{
    /// <summary>Null for a type that messages cannot hold.</summary>
    public static TypeModel? Read(ITypeSymbol type)
    {
        if (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
            return Read(nullable.TypeArguments[0]) is { } inner ? inner with { Nullable = true } : null;
        var model = Bare(type);
        return model is not null && type is { IsReferenceType: true, NullableAnnotation: NullableAnnotation.Annotated }
            ? model with { Nullable = true }
            : model;
    }

    private static TypeModel? Bare(ITypeSymbol type)
    {
        if (Scalar(type) is { } method) return Make(Shape.Scalar, type, method);
        if (type is IArrayTypeSymbol { Rank: 1 } array)
        {
            return array.ElementType.SpecialType switch
            {
                SpecialType.System_Byte => Make(Shape.Bytes, type, "ReadByteArray"),
                SpecialType.System_Single => Make(Shape.NumberArray, type, "ReadSingleArray"),
                SpecialType.System_Double => Make(Shape.NumberArray, type, "ReadDoubleArray"),
                SpecialType.System_Int32 => Make(Shape.NumberArray, type, "ReadInt32Array"),
                SpecialType.System_Int64 => Make(Shape.NumberArray, type, "ReadInt64Array"),
                _ => null,
            };
        }
        if (type is not INamedTypeSymbol named) return null;
        if (named.TypeKind == TypeKind.Enum) return Enum(named);
        if (Names.IsMessageInterface(named)) return Make(Shape.Interface, type, "ReadMessage");
        if (named.IsGenericType) return Collection(named);
        // Whether a struct of another assembly is a record cannot be seen; where it is compiled it is checked.
        return Names.IsMarked(named) && named.IsSealed ? Make(Shape.Part, type, Names.Codec(named)) : null;
    }

    private static string? Scalar(ITypeSymbol type) => type.SpecialType switch
    {
        SpecialType.System_Boolean => "ReadBool",
        SpecialType.System_Int32 => "ReadInt32",
        SpecialType.System_Int64 => "ReadInt64",
        SpecialType.System_UInt32 => "ReadUInt32",
        SpecialType.System_UInt64 => "ReadUInt64",
        SpecialType.System_Single => "ReadSingle",
        SpecialType.System_Double => "ReadDouble",
        SpecialType.System_String => "ReadString",
        _ => type.ToDisplayString() switch
        {
            "System.Guid" => "ReadGuid",
            "System.DateTimeOffset" => "ReadDateTimeOffset",
            "System.TimeSpan" => "ReadTimeSpan",
            _ => null,
        },
    };

    private static TypeModel? Enum(INamedTypeSymbol type)
    {
        var method = type.EnumUnderlyingType?.SpecialType switch
        {
            SpecialType.System_SByte or SpecialType.System_Byte or SpecialType.System_Int16 or SpecialType.System_UInt16
                or SpecialType.System_Int32 => "ReadInt32",
            SpecialType.System_UInt32 or SpecialType.System_Int64 => "ReadInt64",
            _ => null,
        };
        if (method is null) return null;
        var flags = Names.Attribute(type, "System.FlagsAttribute") is not null;
        var values = flags
            ? []
            : type.GetMembers().OfType<IFieldSymbol>().Where(field => field.HasConstantValue).Select(field => field.Name).ToArray();
        return Make(Shape.Enum, type, method) with { Values = new EquatableArray<string>(values) };
    }

    private static TypeModel? Collection(INamedTypeSymbol type)
    {
        switch (type.OriginalDefinition.ToDisplayString())
        {
            case "System.Collections.Immutable.ImmutableArray<T>":
                return Read(type.TypeArguments[0]) is { } item ? Make(Shape.ImmutableArray, type, "") with { Item = item } : null;
            case "System.Collections.Immutable.ImmutableSortedDictionary<TKey, TValue>":
                var isKey =
                    type.TypeArguments[0].SpecialType is SpecialType.System_String or SpecialType.System_Int32 or SpecialType.System_Int64;
                return isKey && Read(type.TypeArguments[0]) is { Nullable: false } key && Read(type.TypeArguments[1]) is { } value
                    ? Make(Shape.SortedMap, type, "") with { Key = key, Item = value }
                    : null;
            default:
                return null;
        }
    }

    private static TypeModel Make(Shape shape, ITypeSymbol type, string reader) =>
        new(shape, Names.Full(type), type.IsValueType, false, reader, null, null, default);
}
