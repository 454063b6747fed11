using System.Linq;
using Microsoft.CodeAnalysis;

namespace Athanor.Protocol.Generator;

/// <summary>Names and marks of symbols.</summary>
internal static class Names
{
    public const string Message = "Athanor.Protocol.MessageAttribute";
    public const string Part = "Athanor.Protocol.MessagePartAttribute";
    private const string KeyMark = "Athanor.Protocol.KeyAttribute";
    private const string MessageInterface = "Athanor.Protocol.IMessage";

    private static readonly SymbolDisplayFormat FullFormat =
        SymbolDisplayFormat.FullyQualifiedFormat
            .AddMiscellaneousOptions(SymbolDisplayMiscellaneousOptions.IncludeNullableReferenceTypeModifier);

    /// <summary>The name with global::, without an outer question mark, so that inner ones are kept.</summary>
    public static string Full(ITypeSymbol type) => type.WithNullableAnnotation(NullableAnnotation.NotAnnotated).ToDisplayString(FullFormat);

    public static string Namespace(ITypeSymbol type) =>
        type.ContainingNamespace is { IsGlobalNamespace: false } space ? space.ToDisplayString() : "";

    /// <summary>A part's codec is found by this name from any assembly.</summary>
    public static string CodecName(INamedTypeSymbol type)
    {
        var name = type.Name + "Codec";
        for (var outer = type.ContainingType; outer is not null; outer = outer.ContainingType) name = outer.Name + "_" + name;
        return name;
    }

    public static string Codec(INamedTypeSymbol type)
    {
        var space = Namespace(type);
        return "global::" + (space == "" ? "" : space + ".") + "Codecs." + CodecName(type);
    }

    public static AttributeData? Attribute(ISymbol symbol, string name) =>
        symbol.GetAttributes().FirstOrDefault(attribute => attribute.AttributeClass?.ToDisplayString() == name);

    public static int? Key(ISymbol symbol) => Attribute(symbol, KeyMark)?.ConstructorArguments[0].Value as int?;

    public static bool IsMarked(ITypeSymbol type) => Attribute(type, Message) is not null || Attribute(type, Part) is not null;

    public static bool IsMessageInterface(ITypeSymbol type) =>
        type.TypeKind == TypeKind.Interface && (type.ToDisplayString() == MessageInterface || IsMessageInterfaceOf(type));

    public static bool IsMessageInterfaceOf(ITypeSymbol type) => type.AllInterfaces.Any(face => face.ToDisplayString() == MessageInterface);

    /// <summary>Whether the type can be seen from other assemblies; null if not even from another file of its own.</summary>
    public static bool? Accessibility(INamedTypeSymbol type)
    {
        var isPublic = true;
        for (var level = type; level is not null; level = level.ContainingType)
        {
            if (level.IsFileLocal) return null;
            switch (level.DeclaredAccessibility)
            {
                case Microsoft.CodeAnalysis.Accessibility.Public:
                    break;
                case Microsoft.CodeAnalysis.Accessibility.Internal or Microsoft.CodeAnalysis.Accessibility.ProtectedOrInternal:
                    isPublic = false;
                    break;
                default:
                    return null;
            }
        }
        return isPublic;
    }
}
